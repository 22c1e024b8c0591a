import { InvalidArgumentError } from '../log/index.ts'

const simple: Record<string, number> = {
  '0': 0x00,
  a: 0x07,
  b: 0x08,
  t: 0x09,
  n: 0x0a,
  v: 0x0b,
  f: 0x0c,
  r: 0x0d,
  e: 0x1b,
  '\\': 0x5c,
}
const escapePattern = /\\(?:x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|([\s\S]?))/g

/**
 * The bytes of a text with escapes: `\n \t \r \0 \\ \a \b \e \f \v`, `\xNN` (a byte), `\uNNNN` and `\u{N…}` (a character,
 * as UTF-8). Any other escape is an error: whoever writes `\d` has something else in mind than a d.
 */
export function unescapeToBytes(text: string): Buffer {
  refuseReplacementCharacter(text)
  const parts: Buffer[] = []
  let from = 0
  for (const match of text.matchAll(escapePattern)) {
    parts.push(Buffer.from(text.slice(from, match.index)), bytesOfEscape(match))
    from = match.index + match[0].length
  }
  parts.push(Buffer.from(text.slice(from)))
  return Buffer.concat(parts)
}

function bytesOfEscape(match: RegExpExecArray): Buffer {
  const [spelled, byte, long, short, letter = ''] = match
  if (byte !== undefined) return Buffer.from([Number.parseInt(byte, 16)])
  const point = long ?? short
  if (point !== undefined) {
    const code = Number.parseInt(point, 16)
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      throw new InvalidArgumentError(`${spelled} is no character`)
    }
    return Buffer.from(String.fromCodePoint(code))
  }
  const code = simple[letter]
  if (code === undefined || !Object.hasOwn(simple, letter)) {
    throw new InvalidArgumentError(letter === '' ? 'a backslash with nothing behind it' : `unknown escape ${spelled}`, {
      hint: 'known are \\n \\t \\r \\0 \\\\ \\a \\b \\e \\f \\v \\xNN \\uNNNN',
    })
  }
  return Buffer.from([code])
}

/**
 * The bytes of an argument taken as they stand. Node hands arguments over as decoded text, with U+FFFD where the bytes were
 * no UTF-8; to go on with that would write other bytes than were given.
 */
export function argumentBytes(text: string, hint = 'append -J takes any bytes as {"base64": "…"}'): Buffer {
  refuseReplacementCharacter(text, hint)
  return Buffer.from(text)
}

function refuseReplacementCharacter(text: string, hint = 'write other bytes as \\xNN'): void {
  if (text.includes('\ufffd')) throw new InvalidArgumentError('an argument can only hold valid UTF-8', { hint })
}
