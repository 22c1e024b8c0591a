import type { Framing, InputWindow, RecordTarget, Taken } from './framing.ts'
import type { RecordRules } from './record-rules.ts'
import { recordTooLarge } from './too-large.ts'

/** The whole input is one record, also when it is empty. */
export class WholeFraming implements Framing {
  readonly unit = 'record'
  readonly #rules: RecordRules

  constructor(rules: RecordRules) {
    this.#rules = rules
  }

  take(input: InputWindow, target: RecordTarget): Taken {
    const length = input.end - input.start
    if (length > target.maxMessageBytes) throw recordTooLarge(length, target, !input.hasEnded)
    if (!input.hasEnded) return 'more'
    if (!this.#rules.append(target, input.bytes, input.start, input.end)) return 'full'
    input.start = input.end
    input.ordinal++
    return 'more'
  }
}
