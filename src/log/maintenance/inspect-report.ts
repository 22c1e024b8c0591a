/** What `inspect-segment` finds out about one file: plain data, no formatting. */

/**
 * `clean`: also with notes, such as zeros that preallocation left. `in flight`: behind the last batch a write is going on.
 * `wrong index`: the log is right. `torn tail`: the file ends inside a batch, and the next writer cuts it. `damaged`: what
 * was there is bad or gone.
 */
export type Verdict = 'clean' | 'in flight' | 'torn tail' | 'damaged' | 'wrong index'

/** Verdicts from the harmless to the worst; a file has the worst that applies. */
const severity: readonly Verdict[] = ['clean', 'in flight', 'wrong index', 'torn tail', 'damaged']

export function isWrong(verdict: Verdict): boolean {
  return severity.indexOf(verdict) >= severity.indexOf('wrong index')
}

export function worst(verdicts: Iterable<Verdict>): Verdict {
  let found = 0
  for (const verdict of verdicts) found = Math.max(found, severity.indexOf(verdict))
  return severity[found]!
}

export interface Finding {
  path: string
  message: string
  /** What this finding makes of the file; 'clean' is a note. */
  verdict: Verdict
  /** Byte in the file. */
  position?: number
  bytes?: number
  /** Offsets that are concerned, most often lost. Only `firstOffset`: from there on, nobody can tell how far. */
  firstOffset?: number
  lastOffset?: number
}

interface CommonReport {
  path: string
  sizeInBytes: number
  verdict: Verdict
  findings: Finding[]
}

export interface IndexSummary {
  path: string
  entries: number
  sizeInBytes: number
  /** Zero bytes behind the entries, which a broker's active index has. */
  paddingBytes: number
}

/** A file of record batches. */
export interface LogReport extends CommonReport {
  kind: 'log'
  topic?: string
  partition?: number
  /** From the file's name, -1 if it says none. */
  baseOffset: number
  batches: number
  /** As the batches count them; of compressed message sets of magic 0 and 1, as they contain. */
  records: number
  controlBatches: number
  transactionalBatches: number
  /** Without a record: what compaction leaves of a batch that must keep its place. */
  emptyBatches: number
  /** -1 without any batch. */
  firstOffset: number
  lastOffset: number
  /** Of the first batch, and the largest, in ms; -1 for none. */
  firstTimestamp: number
  maxTimestamp: number
  /** Batches by codec and by magic. */
  codecs: Record<string, number>
  magics: Record<string, number>
  leaderEpochs: number[]
  /** Offsets between batches that no batch has. */
  gaps: { count: number; offsets: number }
  /** Bytes that are no batch, the tail included; not those of `preallocatedBytes`. */
  badBytes: number
  /** Zeros behind the last batch of a segment that is not finished. */
  preallocatedBytes: number
  index?: IndexSummary
  timeIndex?: IndexSummary
  /** The scan ended early, or began late, because it was told to: the end and the indexes were not judged. */
  isPartial: boolean
}

/** `.index` or `.timeindex`. */
export interface IndexReport extends CommonReport, IndexSummary {
  kind: 'index' | 'timeindex'
  baseOffset: number
  /** Held against its log, which is beside it. */
  isCompared: boolean
}

export const smallFileKinds = [
  'txnindex',
  'snapshot',
  'offset-checkpoint',
  'leader-epoch-checkpoint',
  'partition.metadata',
  'meta.properties',
  'topics',
  'clean-shutdown',
  'unsynced',
] as const
export type SmallFileKind = (typeof smallFileKinds)[number]

/** Everything that is read whole. */
export interface SmallFileReport extends CommonReport {
  kind: SmallFileKind
  entries: SmallFileEntry[]
}

export type SmallFileEntry = Record<string, string | number | null>

export type FileReport = LogReport | IndexReport | SmallFileReport

export function isSmallFile(report: FileReport): report is SmallFileReport {
  return report.kind !== 'log' && report.kind !== 'index' && report.kind !== 'timeindex'
}
