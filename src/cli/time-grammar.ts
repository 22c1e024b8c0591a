import { InvalidArgumentError } from '../log/index.ts'
import { parseDuration } from './sizes.ts'

/**
 * TIME, everywhere where a command takes one. The local zone is meant unless another is written.
 *
 *     2026-01-31T14:30:00.5Z   2026-01-31T14:30:00+01:00    RFC 3339
 *     2026-01-31   2026-01-31 14:30   2026-01-31 14:30:15   local
 *     1769869800   1769869800000                            seconds (10 digits), milliseconds (13 digits)
 *     now   today   yesterday                               the latter two: 00:00 of that day, local
 *     -1h   1h30m ago                                       before now
 */
export const timeHelp =
  'TIME: RFC 3339, YYYY-MM-DD[ HH:MM[:SS]], 10-digit seconds, 13-digit ms, now, today, yesterday, -1h, "1h ago"; local zone unless given'

const datePattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?([Zz]|[+-]\d\d:\d\d))?)?$/
const agoPattern = /^(?:-(\S+)|(\S+)\s+ago)$/

/** Milliseconds since 1970, UTC. `now` is a parameter so that one command line means one moment, and tests one result. */
export function parseTime(text: string, now: number = Date.now()): number {
  const time = tryParseTime(text, now)
  if (time === undefined) throw new InvalidArgumentError(`"${text}" is no time`, { hint: timeHelp })
  return time
}

/** The same, with undefined for what is no TIME at all; the offset grammar uses it to find where `@T1:T2` divides. */
export function tryParseTime(text: string, now: number = Date.now()): number | undefined {
  if (text === 'now') return now
  if (text === 'today') return midnight(now, 0)
  if (text === 'yesterday') return midnight(now, -1)
  if (/^\d{10}$/.test(text)) return Number(text) * 1000
  if (/^\d{13}$/.test(text)) return Number(text)
  const ago = agoPattern.exec(text)
  if (ago !== null) return tryAgo(ago[1] ?? ago[2] ?? '', now)
  return tryParseDate(text)
}

function tryAgo(duration: string, now: number): number | undefined {
  try {
    return now - parseDuration(duration)
  } catch {
    return undefined
  }
}

// By the calendar, not by 24 hours: a day on which clocks change has 23 or 25.
function midnight(now: number, days: number): number {
  const date = new Date(now)
  date.setHours(0, 0, 0, 0)
  date.setDate(date.getDate() + days)
  return date.getTime()
}

function tryParseDate(text: string): number | undefined {
  const match = datePattern.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(part => Number(part ?? 0)) as Six
  // Whatever stands behind the millisecond is cut off, as Kafka's timestamps have nothing finer.
  const millisecond = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
  // RFC 3339 knows a 60th second; it counts as the first one of the next minute.
  if (hour > 23 || minute > 59 || second > 60) return undefined
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  const zone = match[8]
  if (zone === undefined) {
    const date = new Date(0)
    // Not `new Date(year, …)`, which takes the years 0 to 99 for 1900 to 1999.
    date.setFullYear(year, month - 1, day)
    date.setHours(hour, minute, second, millisecond)
    return date.getTime()
  }
  const offset = zoneMinutes(zone)
  if (offset === undefined) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute - offset, second, millisecond)
  return date.getTime()
}
type Six = [number, number, number, number, number, number]

function daysInMonth(year: number, month: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month, 0)
  return date.getUTCDate()
}

function zoneMinutes(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(4))
  if (hours > 23 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}

/** `2026-01-31 14:30:15`, local: for people, and a TIME again. */
export function formatLocalTime(timestamp: number): string {
  const date = new Date(timestamp)
  const two = (number: number): string => String(number).padStart(2, '0')
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
