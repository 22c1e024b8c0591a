import { InvalidArgumentError } from '../log/index.ts'
import { tryParseTime } from './time-grammar.ts'

/**
 * OFFSET, the value of `-o/--offset` everywhere.
 *
 *     beginning | earliest | trim_horizon     end | latest     stored (the group's committed offset)
 *     N       that offset                     -N      the last N of the whole result
 *     +N      N after the beginning           @TIME   the first offset with a timestamp ≥ TIME
 *     A:B     from A up to, not including, B; A: and :B leave one side open. Each side may be any of the above but -N,
 *             and stored only the left one. In @T1:T2 the second @ may be left out.
 */
export type OffsetPosition =
  | { readonly kind: 'beginning'; readonly plus: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'last'; readonly count: number }
  | { readonly kind: 'time'; readonly timestamp: number }
  | { readonly kind: 'stored' }

/** `until` is exclusive; undefined means the end of the log as it was at the start, or no end when following. */
export interface OffsetRange {
  readonly from: OffsetPosition
  readonly until?: OffsetPosition
}

export const beginning: OffsetPosition = { kind: 'beginning', plus: 0 }

export const offsetHelp =
  'OFFSET: beginning|earliest|trim_horizon, end|latest, N, -N (the last N), +N (N after the beginning), A:B, A:, :B, @TIME, @T1:T2, stored'

const names: Record<string, OffsetPosition> = {
  beginning,
  earliest: beginning,
  trim_horizon: beginning,
  end: { kind: 'end' },
  latest: { kind: 'end' },
  stored: { kind: 'stored' },
}

/** Throws InvalidArgumentError for what the grammar does not know, and for offsets of 2^53 or more. */
export function parseOffsetRange(text: string, now: number = Date.now()): OffsetRange {
  const whole = tryParsePosition(text, now)
  if (whole !== undefined) return { from: whole }
  const ranges = splitsOf(text).flatMap(([left, right]) => tryParseRange(left, right, now) ?? [])
  if (ranges.length === 1) return ranges[0]!
  throw new InvalidArgumentError(`"${text}" is no offset`, { hint: offsetHelp })
}

// A TIME has colons of its own, so each of them is tried; `2026-01-01 10` and `00:00` are no times, so one remains.
function splitsOf(text: string): [string, string][] {
  const splits: [string, string][] = []
  for (let at = text.indexOf(':'); at >= 0; at = text.indexOf(':', at + 1)) {
    splits.push([text.slice(0, at), text.slice(at + 1)])
  }
  return splits
}

function tryParseRange(left: string, right: string, now: number): OffsetRange | undefined {
  if (left === '' && right === '') return undefined
  const from = left === '' ? beginning : tryParsePosition(left, now)
  if (from === undefined) return undefined
  if (right === '') return { from }
  const until = from.kind === 'time' ? tryParseBehindTime(right, now) : tryParsePosition(right, now)
  if (until === undefined) return undefined
  // "The last N" is counted over all partitions together, so it is a place in none of them.
  if (from.kind === 'last' || until.kind === 'last') {
    throw new InvalidArgumentError('-N, the last N, can not be one end of a range', {
      hint: 'give both ends as offsets or times, or -N alone',
    })
  }
  if (until.kind === 'stored') throw new InvalidArgumentError('stored can only be where reading starts')
  return { from, until }
}

// A bare number is a time here, never an offset: `@2026-01-31 10:00:5` is a mistyped time, not "up to offset 5".
function tryParseBehindTime(text: string, now: number): OffsetPosition | undefined {
  return tryParsePosition(`@${text}`, now) ?? (/^\d+$/.test(text) ? undefined : tryParsePosition(text, now))
}

function tryParsePosition(text: string, now: number): OffsetPosition | undefined {
  const named = names[text.toLowerCase()]
  if (named !== undefined) return named
  if (text.startsWith('@')) {
    const timestamp = tryParseTime(text.slice(1), now)
    return timestamp === undefined ? undefined : { kind: 'time', timestamp }
  }
  const match = /^([+-]?)(\d+)$/.exec(text)
  if (match === null) return undefined
  const number = Number(match[2])
  if (!Number.isSafeInteger(number)) {
    throw new InvalidArgumentError(`offset ${text} is too large: offsets end at 2^53 - 1`)
  }
  if (match[1] === '-') return { kind: 'last', count: number }
  if (match[1] === '+') return { kind: 'beginning', plus: number }
  return { kind: 'offset', offset: number }
}
