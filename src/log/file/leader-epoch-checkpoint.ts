import { type EntryShape, formatCheckpoint, parseWholeNumber, readCheckpoint } from './checkpoint.ts'

const MAX_EPOCH = 2 ** 31 - 1

export interface LeaderEpoch {
  epoch: number
  /** Offset of the first record that was written under this leader. */
  startOffset: number
}

const shape: EntryShape<LeaderEpoch> = {
  words: '<epoch> <startOffset>',
  parse(line) {
    const fields = line.split(/\s+/)
    const epoch = parseWholeNumber(fields[0], MAX_EPOCH)
    const startOffset = parseWholeNumber(fields[1])
    return fields.length === 2 && epoch !== undefined && startOffset !== undefined ? { epoch, startOffset } : undefined
  },
}

/**
 * `leader-epoch-checkpoint` of a partition: which leader wrote from which offset on, as `<epoch> <startOffset>` lines in the
 * shape of `parseCheckpoint`; both columns increase. "0\n2\n0 0\n1 90\n": offsets 0 to 89 were written under epoch 0, all
 * from 90 on under epoch 1. A file of 0 bytes has no entries and is valid.
 *
 * loglady has no leaders: a partition of its own says "0\n1\n0 <first offset>\n" and its batches carry epoch 0; in one
 * that came from a broker, batches get its last epoch and the file stays as it is (epochs that do not decrease are what
 * a consumer finds a cut log by). A broker learns the epochs again from the batches if the file is missing in an unclean
 * start, and takes the folder offline if it is unreadable.
 *
 * undefined if there is no such file. CorruptFileError if it is unreadable; the order of the entries is not checked here.
 */
export function readLeaderEpochs(path: string): LeaderEpoch[] | undefined {
  return readCheckpoint(path, shape)
}

export function formatLeaderEpochs(entries: readonly LeaderEpoch[]): string {
  return formatCheckpoint(entries.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`))
}

/** The epoch that a writer stamps: the largest one, which is the last in a file that is in order; 0 without any. */
export function lastLeaderEpoch(entries: readonly LeaderEpoch[]): number {
  return entries.reduce((largest, { epoch }) => Math.max(largest, epoch), 0)
}

/** What is wrong with the order of the entries, or undefined. Kafka drops entries until they are in order. */
export function leaderEpochFault(entries: readonly LeaderEpoch[]): string | undefined {
  for (let n = 1; n < entries.length; n++) {
    const { epoch, startOffset } = entries[n]!
    const before = entries[n - 1]!
    if (epoch <= before.epoch) return `entry ${n}: the epoch ${epoch} is not above ${before.epoch}, the one before`
    if (startOffset <= before.startOffset) {
      return `entry ${n}: the offset ${startOffset} is not above ${before.startOffset}, the one before`
    }
  }
  return undefined
}
