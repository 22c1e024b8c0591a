import { InvalidArgumentError, type RecordView } from '../../log/index.ts'

/** Characters that mean something in a regular expression; a pattern without them is searched for as bytes. */
const special = /[\\^$.*+?()[\]{}|/]/
/** Escapes whose letters say nothing about the text that is searched for. */
const escapes = /\\(?:[pP]\{[^}]*\}|x[0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|[\s\S])/g

/**
 * `-g/--grep RE` over values: a JavaScript regular expression, case-sensitive only if it holds an upper-case letter
 * (smart case, as ripgrep; letters of escapes such as \S and \p{Lu} do not count). A null value matches nothing. Values
 * that are not UTF-8 are matched as the text that they decode to, with U+FFFD for what is none.
 */
export class ValueMatcher {
  readonly #expression: RegExp
  /** For a pattern that is plain text: comparing bytes spares the decoding of every value. */
  readonly #literal: Buffer | undefined

  constructor(pattern: string) {
    const isCaseSensitive = /\p{Lu}/u.test(pattern.replace(escapes, ''))
    this.#expression = compile(pattern, isCaseSensitive ? '' : 'i')
    const hasCase = pattern.toLowerCase() !== pattern.toUpperCase()
    if (!special.test(pattern) && (isCaseSensitive || !hasCase)) this.#literal = Buffer.from(pattern)
  }

  matches(record: RecordView): boolean {
    const { bytes, valueStart, valueEnd } = record
    if (valueStart < 0) return false
    if (this.#literal !== undefined) return bytes.subarray(valueStart, valueEnd).includes(this.#literal)
    return this.#expression.test(bytes.toString('utf8', valueStart, valueEnd))
  }
}

function compile(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, `u${flags}`)
  } catch {
    // Unicode mode refuses needless escapes such as \- and \", which shell quoting is full of.
  }
  try {
    return new RegExp(pattern, flags)
  } catch (cause) {
    throw new InvalidArgumentError(`--grep: ${(cause as Error).message}`, { cause })
  }
}
