import { RecordTooLargeError } from '../../log/index.ts'
import type { RecordTarget } from './framing.ts'

/** A record that cannot fit into any batch, found before all of it was read; `isAtLeast`: it goes on behind `bytes`. */
export function recordTooLarge(bytes: number, target: RecordTarget, isAtLeast = false): RecordTooLargeError {
  return new RecordTooLargeError(
    `a record of ${isAtLeast ? 'at least ' : ''}${bytes} bytes does not fit into a batch of max.message.bytes=${target.maxMessageBytes}`,
  )
}
