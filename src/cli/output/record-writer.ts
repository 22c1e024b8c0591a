import type { RecordView } from '../../log/index.ts'

/** Puts one record after the other into a BlockSink. There is one writer for each partition that is printed. */
export interface RecordWriter {
  write(record: RecordView): void
}

/** The partition that a writer's records come from. */
export interface RecordOrigin {
  topic: string
  partition: number
}
