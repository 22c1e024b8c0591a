import { fstatSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CorruptFileError, LogladyError, NumberTooLargeError } from '../errors.ts'
import { readLeaderEpochs } from '../file/leader-epoch-checkpoint.ts'
import { leaderEpochCheckpointFile } from '../file/names.ts'
import type { BatchHeader } from '../record/batch-header.ts'
import { codecs } from '../record/compression/index.ts'
import { type ControlRecord, readControlRecord } from '../record/control-record.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import { readFully } from '../segment/read-fully.ts'
import { closeQuietly, openSegmentFile } from '../segment/segment-files.ts'
import type { IndexedBatch } from './index-check.ts'
import { SegmentIndexesCheck } from './index-pair-check.ts'
import type { SegmentContext } from './inspect-context.ts'
import { EpochOrder } from './inspect-epochs.ts'
import { OffsetOrder } from './inspect-order.ts'
import { type Finding, type LogReport, worst } from './inspect-report.ts'
import { describeBadBytes, judgeTail } from './inspect-tail.ts'
import { type BadBytes, type ScanStep, SegmentScan } from './segment-scan.ts'

export interface InspectLogOptions {
  /** First byte; the file's beginning. */
  start?: number
  /** Batches that begin here or behind are left out. */
  end?: number
  /** At most so many batches. */
  maxBatches?: number
  /** Decompress and walk the records of every batch. */
  checkRecords?: boolean
}

/** Kafka's default, for a file that belongs to no topic. */
const DEFAULT_INDEX_INTERVAL_BYTES = 4096
/** Damage everywhere: the counts go on. */
const MAX_FINDINGS = 1000

/**
 * Looks through one file of record batches, read-only and without a lock: `next()` until it says 'end', with the batch in
 * `header`, then `finish()`. What it sees on the way it holds against the segment's neighbours, its indexes and its epochs.
 */
export class LogInspection {
  readonly context: SegmentContext
  readonly header: BatchHeader
  readonly cursor = new RecordCursor()
  readonly findings: Finding[] = []
  readonly #fd: number
  readonly #options: InspectLogOptions
  readonly #scan: SegmentScan
  readonly #order: OffsetOrder
  readonly #epochs: EpochOrder
  readonly #indexes: SegmentIndexesCheck
  readonly #report: LogReport
  readonly #isPartial: boolean
  /** Behind the last batch; -1 before the first. */
  #nextOffset = -1
  #end = 0
  #hasCompactionTraces = false
  #isCutShort = false
  #recordFault: LogladyError | undefined
  /** Position of the batch that the cursor is in, -1 for none. */
  #atRecords = -1

  constructor(context: SegmentContext, options: InspectLogOptions = {}) {
    const { logPath, baseOffset, nextBaseOffset, partition } = context
    this.context = context
    this.#options = options
    const isAtStart = (options.start ?? 0) === 0
    this.#isPartial = !isAtStart || options.end !== undefined
    // The indexes first: what they name is in the log already, also while a broker writes.
    this.#indexes = new SegmentIndexesCheck(context, {
      isRolled: context.place === 'rolled',
      indexIntervalBytes: partition?.indexIntervalBytes ?? DEFAULT_INDEX_INTERVAL_BYTES,
    })
    try {
      this.#fd = openSegmentFile(logPath, 'r')
    } catch (error) {
      this.#indexes.close()
      throw error
    }
    const { start, end } = options
    this.#scan = new SegmentScan({
      fd: this.#fd,
      path: logPath,
      baseOffset: isAtStart ? baseOffset : -1,
      indexPositions: this.#indexes.positions(),
      hasGaps: partition?.isDense !== true,
      ...(nextBaseOffset !== undefined && { nextBaseOffset }),
      ...(start !== undefined && { start }),
      ...(end !== undefined && { end }),
    })
    this.header = this.#scan.header
    this.#order = new OffsetOrder(logPath, isAtStart ? baseOffset : -1)
    this.#epochs = new EpochOrder(logPath)
    this.#report = emptyReport(context, partition, fstatSync(this.#fd).size)
  }

  /** First byte of the current batch. */
  get filePosition(): number {
    return this.#scan.filePosition
  }

  /** How far the scan has come, for progress. */
  get nextPosition(): number {
    return this.#scan.nextPosition
  }

  /** Of the last 'damage' and 'tail'. */
  get badBytes(): BadBytes | undefined {
    return this.#scan.badBytes
  }

  next(): ScanStep {
    if (this.#report.batches >= (this.#options.maxBatches ?? Number.POSITIVE_INFINITY)) {
      this.#isCutShort = true
      return 'end'
    }
    const step = this.#scan.next()
    if (step === 'batch') this.#batch()
    else if (step === 'damage') this.#damage(this.#scan.badBytes!)
    return step
  }

  /** Goes to the next record of the current batch, in `cursor`. Bad bytes end the batch and become a finding. */
  nextRecord(): boolean {
    if (this.#recordFault !== undefined) return false
    try {
      if (this.#atRecords !== this.filePosition) {
        this.#atRecords = this.filePosition
        this.cursor.open(this.header)
      }
      return this.cursor.next()
    } catch (error) {
      this.#foundInRecords(error)
      return false
    }
  }

  /** What the current record of a control batch says; undefined, and a finding, if it says nothing. */
  controlRecord(): ControlRecord | undefined {
    try {
      return readControlRecord(this.cursor)
    } catch (error) {
      this.#foundInRecords(error)
      return undefined
    }
  }

  /** Bytes of the file, to show them. */
  read(position: number, length: number): Buffer {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, readFully(this.#fd, this.context.logPath, bytes, 0, position, length))
  }

  #batch(): void {
    const { header } = this
    this.#recordFault = undefined
    this.#atRecords = -1
    const isWrapper = header.recordsCount < 0
    const content = isWrapper || this.#options.checkRecords ? this.#walkRecords() : undefined
    const firstOffset = isWrapper ? (content?.firstOffset ?? this.#nextOffset) : header.baseOffset
    const batch: IndexedBatch & { leaderEpoch: number } = {
      position: this.filePosition,
      sizeInBytes: header.sizeInBytes,
      baseOffset: firstOffset,
      lastOffset: header.lastOffset,
      maxTimestamp: this.#timestamp(),
      leaderEpoch: header.leaderEpoch,
    }
    this.#order.batch(batch)
    this.#epochs.batch(batch)
    this.#indexes.batch(batch)
    this.#count(batch, isWrapper ? (content?.records ?? 0) : header.recordsCount)
    this.#nextOffset = header.nextOffset
    this.#end = this.nextPosition
  }

  #count(batch: IndexedBatch, records: number): void {
    const report = this.#report
    const { header } = this
    if (report.batches === 0) {
      report.firstOffset = batch.baseOffset
      // Under a delete horizon the base timestamp is that horizon, with LogAppendTime nobody looks at it.
      const isPlain = !header.hasDeleteHorizon && !header.isLogAppendTime && header.recordsCount !== 0
      report.firstTimestamp = isPlain ? this.#timestamp(true) : batch.maxTimestamp
    }
    report.batches++
    report.records += records
    report.lastOffset = Math.max(report.lastOffset, batch.lastOffset)
    report.maxTimestamp = Math.max(report.maxTimestamp, batch.maxTimestamp)
    if (header.isControl) report.controlBatches++
    if (header.isTransactional) report.transactionalBatches++
    if (header.recordsCount === 0) report.emptyBatches++
    const codec = codecs[header.codecId]!
    report.codecs[codec] = (report.codecs[codec] ?? 0) + 1
    report.magics[header.magic] = (report.magics[header.magic] ?? 0) + 1
    const isThinned = header.magic === 2 && header.recordsCount <= header.lastOffset - header.baseOffset
    this.#hasCompactionTraces ||= isThinned || header.hasDeleteHorizon
  }

  #timestamp(ofBase = false): number {
    try {
      return ofBase ? this.header.baseTimestamp : this.header.maxTimestamp
    } catch (error) {
      if (!(error instanceof NumberTooLargeError)) throw error
      if (!ofBase) this.#add({ ...this.#place(), message: error.message, verdict: 'damaged' })
      return -1
    }
  }

  #walkRecords(): { records: number; firstOffset: number } | undefined {
    let records = 0
    let firstOffset = this.header.baseOffset
    while (this.nextRecord()) if (records++ === 0) firstOffset = this.cursor.offset
    this.#atRecords = -1
    return this.#recordFault === undefined ? { records, firstOffset } : undefined
  }

  #foundInRecords(error: unknown): void {
    if (!(error instanceof LogladyError)) throw error
    this.#recordFault = error
    const at = error.position === undefined ? '' : `, byte ${error.position} of the uncompressed records`
    this.#add({ ...this.#place(), message: `${error.message}${at}`, verdict: 'damaged' })
  }

  #place(): Pick<Finding, 'path' | 'position' | 'firstOffset' | 'lastOffset'> {
    const { baseOffset, lastOffset } = this.header
    return { path: this.context.logPath, position: this.filePosition, firstOffset: baseOffset, lastOffset }
  }

  #damage(bad: BadBytes): void {
    this.#report.badBytes += bad.bytes
    this.#order.damage()
    this.#indexes.skip(bad.position, bad.position + bad.bytes, bad.lastOffset)
    this.#end = bad.position + bad.bytes
    this.#add({ path: this.context.logPath, verdict: 'damaged', ...describeBadBytes(bad) })
  }

  #add(finding: Finding): void {
    if (this.findings.length < MAX_FINDINGS) this.findings.push(finding)
  }

  /** Judges what can be judged only at the end. Waits a moment if the end looks like a write that is going on. */
  async finish(): Promise<LogReport> {
    const report = this.#report
    const { tail } = this.#scan
    report.isPartial = this.#isPartial || this.#isCutShort
    for (const finding of this.#order.findings) this.#add(finding)
    for (const finding of this.#epochs.findings(this.#checkpointedEpochs())) this.#add(finding)
    if (tail !== undefined) {
      const judged = await judgeTail(this.context, tail, this.#fd)
      if (judged.verdict === 'clean') report.preallocatedBytes = tail.bytes
      else report.badBytes += tail.bytes
      this.#add(judged)
    }
    if (!report.isPartial) this.#finishOffsets()
    for (const finding of this.#order.gapFindings(this.#isDense())) this.#add(finding)
    if (!report.isPartial) this.#finishIndexes()
    const { startedAt } = this.#scan
    if (startedAt !== undefined) {
      const message = 'the first batch from there on'
      this.#add({ path: this.context.logPath, message, verdict: 'clean', position: startedAt })
    }
    report.gaps = { count: this.#order.gapCount, offsets: this.#order.gapOffsets }
    report.leaderEpochs = this.#epochs.epochs
    report.sizeInBytes = fstatSync(this.#fd).size
    Object.assign(report, this.#indexes.summaries())
    report.findings = this.findings
    report.verdict = worst(this.findings.map(finding => finding.verdict))
    return report
  }

  /** Whether the log reaches as far as its neighbours and the recovery point say. */
  #finishOffsets(): void {
    const { nextBaseOffset, place, partition, logPath } = this.context
    if (this.#scan.tail !== undefined) return
    if (nextBaseOffset !== undefined) this.#order.end(this.#end, nextBaseOffset)
    const recoveryPoint = partition?.recoveryPoint ?? 0
    const nextOffset = this.#nextOffset < 0 ? this.context.baseOffset : this.#nextOffset
    if (place !== 'newest' || nextOffset >= recoveryPoint) return
    const message = `the log ends here, below the recovery point ${recoveryPoint}`
    const lost = { firstOffset: nextOffset, lastOffset: recoveryPoint - 1 }
    this.#add({ path: logPath, message, verdict: 'damaged', position: this.#end, ...lost })
  }

  #finishIndexes(): void {
    const { tail } = this.#scan
    if (tail !== undefined && tail.kind !== 'zeros') {
      this.#indexes.skip(tail.position, tail.position + tail.bytes, tail.lastOffset)
    }
    const lastOffset = Math.max(this.context.baseOffset - 1, this.#report.lastOffset)
    const findings = this.#indexes.finish(this.#end, lastOffset)
    const isReplaced = findings.length > 0 && this.#isReplaced()
    for (const finding of findings) this.#add(isReplaced ? { ...finding, verdict: 'clean' } : finding)
    if (!isReplaced) return
    const message = 'the segment or an index was replaced while it was read: look again'
    this.#add({ path: this.context.logPath, message, verdict: 'clean' })
  }

  #isDense(): boolean {
    return this.context.partition?.isDense === true && !this.#hasCompactionTraces
  }

  /** A broker compacts: then the index may belong to another log than the one that was read. */
  #isReplaced(): boolean {
    const found = statSync(this.context.logPath, { throwIfNoEntry: false })
    return found?.ino !== fstatSync(this.#fd).ino || this.#indexes.areReplaced()
  }

  #checkpointedEpochs() {
    const { partition } = this.context
    if (partition === undefined) return []
    try {
      return readLeaderEpochs(join(partition.folder, leaderEpochCheckpointFile)) ?? []
    } catch (error) {
      // A finding of its own, where that file is looked at.
      if (error instanceof CorruptFileError) return []
      throw error
    }
  }

  close(): void {
    this.cursor.close()
    this.#indexes.close()
    closeQuietly(this.#fd)
  }
}

function emptyReport(
  { logPath, baseOffset, place }: SegmentContext,
  partition: SegmentContext['partition'],
  sizeInBytes: number,
): LogReport {
  const isPlaced = place !== 'alone' && partition?.topic !== undefined
  return {
    kind: 'log',
    path: logPath,
    ...(isPlaced && { topic: partition.topic!, partition: partition.partition! }),
    sizeInBytes,
    verdict: 'clean',
    baseOffset,
    batches: 0,
    records: 0,
    controlBatches: 0,
    transactionalBatches: 0,
    emptyBatches: 0,
    firstOffset: -1,
    lastOffset: -1,
    firstTimestamp: -1,
    maxTimestamp: -1,
    codecs: {},
    magics: {},
    leaderEpochs: [],
    gaps: { count: 0, offsets: 0 },
    badBytes: 0,
    preallocatedBytes: 0,
    isPartial: false,
    findings: [],
  }
}
