/** What the controllers ask of the Kubernetes API: one request with a whole answer, or a stream of lines. Handed in, so that tests own it. */

export interface ApiClient {
  /** One request and its whole answer. Throws `ApiError` for a status of 400 and above; any other error means that there was no answer. */
  request(request: ApiRequest): Promise<unknown>
  /** Opens an answer that is read as it comes. Throws as `request` does. */
  stream(request: ApiRequest): Promise<ApiStream>
}

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** e.g. `/api/v1/nodes/worker-1`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Of the body; for PATCH one of the patch types, e.g. `application/merge-patch+json`. */
  readonly contentType?: string
  readonly signal?: AbortSignal
}

export interface ApiStream {
  /** Ends when the server ends; throws when the connection breaks. */
  readonly chunks: AsyncIterable<Uint8Array>
  close(): void
}

/** The server's answer when it says no: the fields of its `Status` object. */
export class ApiError extends Error {
  readonly status: number
  /** e.g. `AlreadyExists`, `Conflict`, `Expired`. */
  readonly reason: string
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, reason: string, message: string, retryAfterSeconds?: number) {
    super(message)
    this.status = status
    this.reason = reason
    this.retryAfterSeconds = retryAfterSeconds
  }

  /** The resource version asked for is no longer known: list again. */
  get isGone(): boolean {
    return this.status === 410 || this.reason === 'Expired' || this.reason === 'Gone'
  }
}

/** A body of any shape, of a server's error answer, as the error that it says. */
export function apiError(status: number, body: unknown, retryAfter?: string): ApiError {
  const said = (typeof body === 'object' && body !== null ? body : {}) as {
    code?: unknown
    reason?: unknown
    message?: unknown
    details?: { retryAfterSeconds?: unknown } | null
  }
  const text = (value: unknown, otherwise: string) => (typeof value === 'string' && value !== '' ? value : otherwise)
  const seconds = Number(retryAfter ?? said.details?.retryAfterSeconds ?? Number.NaN)
  const code = typeof said.code === 'number' ? said.code : status
  return new ApiError(
    code,
    text(said.reason, 'Unknown'),
    text(said.message, `the API server answered ${code}`),
    Number.isFinite(seconds) ? seconds : undefined,
  )
}
