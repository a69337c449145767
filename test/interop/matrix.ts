/** Results by router and feature, printed as a table when the suite is done. */

export const matrix = new Map<string, Map<string, string>>()

export function note(router: string, feature: string, result: string): void {
  const row = matrix.get(router) ?? new Map<string, string>()
  row.set(feature, result)
  matrix.set(router, row)
}
