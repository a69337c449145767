/** Policies: which routes come in, which go out, and what is changed on the way. Pure. */

export * from './defaults.ts'
export * from './evaluate.ts'
export * from './policy.ts'
export * from './prefix-set.ts'
export * from './text.ts'
