import { InvalidArgumentError } from '../log/index.ts'

/** Sizes and durations as they are typed and printed. Sizes count in powers of 1024 whether written `K` or `KiB`. */
const sizePattern = /^(\d+)(?:\.(\d+))?\s?(?:([KMGT])(iB)?|B)?$/i
const sizePowers: Record<string, number> = { K: 1, M: 2, G: 3, T: 4 }

/** Bytes of `4096`, `64K`, `64KiB`, `1.5M`. `KB` is refused: half of the world reads it as 1000. */
export function parseSize(text: string): number {
  const match = sizePattern.exec(text)
  if (match === null) {
    const hint = /^\d.*[kmgt]b$/i.test(text)
      ? `write ${text.slice(0, -1)} or ${text.slice(0, -1)}iB: powers of 1024`
      : 'a size is a number with K, M, G or T (or KiB, MiB, …) behind it: 64K, 1.5GiB'
    throw new InvalidArgumentError(`"${text}" is no size`, { hint })
  }
  const [, whole = '', fraction = '', unit] = match
  const factor = 1024n ** BigInt(unit === undefined ? 0 : sizePowers[unit.toUpperCase()]!)
  // In whole numbers, because 0.1 has no exact floating-point value and 1.1K is a mistake worth telling.
  const scaled = BigInt(whole + fraction) * factor
  const divisor = 10n ** BigInt(fraction.length)
  if (scaled % divisor !== 0n) throw new InvalidArgumentError(`"${text}" is no whole number of bytes`)
  const bytes = scaled / divisor
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw new InvalidArgumentError(`"${text}" is too large`)
  return Number(bytes)
}

const sizeUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `0 B`, `1023 B`, `1.0 KiB`, `295.6 MiB`: for people, never parsed again. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  let value = bytes
  let unit = 0
  // 1023.95 would print as 1024.0: it belongs to the next unit already.
  while (value >= 1023.95 && unit < sizeUnits.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${value.toFixed(1)} ${sizeUnits[unit]}`
}

const durationUnits: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const durationPattern = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/
const durationPart = /(\d+(?:\.\d+)?)(ms|[smhdw])/g

/** Milliseconds of `5ms`, `1.5s`, `1h30m`; a bare `0` needs no unit, any other number does. */
export function parseDuration(text: string): number {
  if (text === '0') return 0
  if (!durationPattern.test(text)) {
    const hint = 'a duration is a number with ms, s, m, h, d or w behind it: 500ms, 1h30m'
    throw new InvalidArgumentError(`"${text}" is no duration`, { hint })
  }
  let milliseconds = 0
  for (const [, amount, unit] of text.matchAll(durationPart)) milliseconds += Number(amount) * durationUnits[unit!]!
  milliseconds = Math.round(milliseconds)
  if (!Number.isSafeInteger(milliseconds)) throw new InvalidArgumentError(`"${text}" is too long`)
  return milliseconds
}

/** `12 ms`, `3.4 s`, `2 m 5 s`, `3 h 7 m`, `4 d 2 h`: two units at most. */
export function formatDuration(milliseconds: number): string {
  const rounded = Math.round(milliseconds)
  if (rounded < 1000) return `${rounded} ms`
  if (rounded < 59_950) return `${(rounded / 1000).toFixed(1)} s`
  const seconds = Math.round(rounded / 1000)
  const pairs: [string, number, string, number][] = [
    ['d', 86_400, 'h', 3600],
    ['h', 3600, 'm', 60],
    ['m', 60, 's', 1],
  ]
  const [large, largeSeconds, small, smallSeconds] = pairs.find(([, limit]) => seconds >= limit) ?? pairs[2]!
  const rest = Math.floor((seconds % largeSeconds) / smallSeconds)
  return `${Math.floor(seconds / largeSeconds)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`
}

/** `1,234,567`, in every locale: what one prints today another greps tomorrow. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 segment`, `1,234 segments`: for units whose plural is an s. */
export function formatQuantity(count: number, unit: string): string {
  return `${formatCount(count)} ${unit}${count === 1 ? '' : 's'}`
}
