import type { InvalidRecordError, TopicAppender } from '../../log/index.ts'

/** Where records go: the engine's appender, or something that only remembers them. */
export type RecordTarget = Pick<
  TopicAppender,
  'append' | 'appendDelimited' | 'flushFull' | 'records' | 'maxMessageBytes'
>

/** What a framing sees of an input: bytes[start, end) were read and belong to no record yet. */
export interface InputWindow {
  bytes: Buffer
  start: number
  end: number
  /** Nothing will come behind `end`. */
  hasEnded: boolean
  /** Number, from 1, of the record that begins at `start`. */
  ordinal: number
  /** The input ends inside a record: throws the error, or drops the rest if a signal cut the input there. */
  endsInside(error: InvalidRecordError): void
}

/** `more`: everything whole was taken, further bytes are needed. `full`: the target has to be flushed first. */
export type Taken = 'more' | 'full'

/**
 * Splits one input into records: one object for each input. A record's bytes go from the input's buffer into the target's
 * batch; no object is made for it.
 */
export interface Framing {
  /** What a record is called in messages. */
  readonly unit: 'line' | 'record'
  /**
   * Takes whole records from the front of the input, and its last one when it has ended. Moves `input.start` behind what
   * was taken and counts `input.ordinal` up. When it throws, both are those of the record at fault.
   */
  take(input: InputWindow, target: RecordTarget): Taken
}
