import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { CorruptFileError, CorruptLogError, StorageError, SyncFailedError } from '../errors.ts'
import { syncFolder } from '../file/durable.ts'
import { cutFileName, parseSegmentFileName } from '../file/names.ts'
import { readUnsyncedMark, removeUnsyncedMark, type UnsyncedMark, writeUnsyncedMark } from '../file/unsynced-mark.ts'
import type { LogEnd } from '../segment/active-segment.ts'
import { BatchMark } from '../segment/batch-mark.ts'
import { readFully } from '../segment/read-fully.ts'
import { resynchronise } from '../segment/resynchronise.ts'
import { type CursorOutcome, SegmentCursor } from '../segment/segment-cursor.ts'
import { closeQuietly, openSegmentFile, type SegmentFiles } from '../segment/segment-files.ts'
import type { PartitionFiles } from './partition-files.ts'

/** What opening a partition for writing had to take away, and where that is kept. */
export interface CutReport {
  path: string
  position: number
  bytes: number
  /** The offset that the cut bytes would have had; it is given out again. */
  offset: number
  reason: string
  /** Set when valid batches stood behind the bad bytes: a copy of everything that was cut. */
  keptIn?: string
}

/** The newest segment, and the end of its valid batches. */
export interface RecoveredLog {
  segment: SegmentFiles | undefined
  end: LogEnd
  cut?: CutReport
}

const COPY_BYTES = 1 << 20

/** How far valid batches go, as `checkFromRecoveryPoint` saw it. */
export interface CheckedLog {
  /** The first byte that was checked: what a sync that fails at the end of recovery leaves in doubt. */
  start: UnsyncedMark
  baseOffset: number
  end: LogEnd
  /** The batch that ends at `end`. */
  last: BatchMark
}

/**
 * The first half of recovery, without the lock, for it may take long: every batch from the recovery point on is checked by
 * its CRC. Below it nothing is read, so opening a gigabyte to append one line reads next to nothing.
 * Throws CorruptLogError at damage that no writer may cut (in a segment that has a successor).
 */
export function checkFromRecoveryPoint(files: PartitionFiles): CheckedLog | undefined {
  const { segments } = files.list()
  const from = checkedFrom(files, segments)
  const first = segmentOf(segments, from)
  let checked: CheckedLog | undefined
  for (let i = first; i < segments.length; i++) {
    const segment = segments[i]!
    const cursor = new SegmentCursor(segment, files.rules)
    try {
      if (i === first) cursor.seekToOffset(from)
      const start = checked?.start ?? { baseOffset: segment.baseOffset, position: cursor.filePosition }
      const { outcome, end, last } = scan(cursor)
      const next = segments[i + 1]
      // What stops the newest one is judged under the lock, when nobody writes.
      if (next !== undefined) checkSealed(files, cursor, outcome, end, next)
      checked = { start, baseOffset: segment.baseOffset, end, last }
    } finally {
      cursor.close()
    }
  }
  return checked
}

/** For a log that only loglady wrote, a segment with a successor that is not empty is durable as a whole. */
function checkedFrom(files: PartitionFiles, segments: readonly SegmentFiles[]): number {
  return files.isOwned ? files.recoveryPoint(segments) : files.recoveryPointCheckpoint()
}

/** Index of the segment that holds an offset; the first one for what lies below. */
function segmentOf(segments: readonly SegmentFiles[], offset: number): number {
  return Math.max(
    0,
    segments.findLastIndex(segment => segment.baseOffset <= offset),
  )
}

function checkSealed(
  files: PartitionFiles,
  cursor: SegmentCursor,
  outcome: CursorOutcome,
  end: LogEnd,
  next: SegmentFiles,
): void {
  if (outcome !== 'end' && outcome !== 'zeros') throw refusal(files, cursor.segment.logPath, end, cursor.fault)
  if (!files.rules.dense || end.nextOffset === next.baseOffset) return
  const reason = `the segment ends with offset ${end.nextOffset - 1}, and the next one begins with ${next.baseOffset}`
  throw refusal(files, cursor.segment.logPath, end, reason, next.baseOffset)
}

interface Scanned {
  outcome: CursorOutcome
  end: LogEnd
  last: BatchMark
}

function scan(cursor: SegmentCursor): Scanned {
  const last = new BatchMark()
  let outcome = cursor.next()
  let nextOffset = cursor.expected >= 0 ? cursor.expected : cursor.segment.baseOffset
  for (; outcome === 'batch'; outcome = cursor.next()) {
    nextOffset = cursor.header.nextOffset
    last.set(cursor.header, cursor.filePosition)
  }
  return { outcome, end: { position: cursor.filePosition, nextOffset }, last }
}

/**
 * The second half, under byte 0 of the partition's lock: finishes what a broker's compaction left, writes bytes in doubt again,
 * checks what came since the first half, and cuts a torn tail. Afterwards everything up to the end is valid and durable.
 */
export function recoverUnderLock(files: PartitionFiles, checked: CheckedLog | undefined): RecoveredLog {
  try {
    return recover(files, checked)
  } catch (error) {
    if (!(error instanceof SyncFailedError) || checked === undefined) throw error
    // What was checked reads well and may not be on the disk, now or ever.
    const left = leaveUnsyncedMark(files.folder, checked.start)
    throw new SyncFailedError(`${error.message}; nothing was appended${left}`, {
      path: error.path ?? files.folder,
      cause: error,
    })
  }
}

/** Under the lock. What to add to the message of the failed sync: nothing, if the mark could be left. */
export function leaveUnsyncedMark(folder: string, mark: UnsyncedMark): string {
  try {
    writeUnsyncedMark(folder, mark)
    return ''
  } catch (error) {
    return `; the mark of unsynced bytes could not be left: ${(error as Error).message}`
  }
}

function recover(files: PartitionFiles, checked: CheckedLog | undefined): RecoveredLog {
  carryOutLoadOrder(files)
  rewriteUnsynced(files)
  const { segments } = files.list()
  const segment = segments.at(-1)
  const recoveryPoint = files.recoveryPoint(segments)
  if (segment === undefined) {
    const end = { position: 0, nextOffset: files.logStartOffset(segments) }
    if (end.nextOffset >= recoveryPoint) return { segment, end }
    throw refusal(files, files.folder, end, 'all segments are gone', recoveryPoint)
  }
  const fd = openSegmentFile(segment.logPath, 'r+')
  const cursor = new SegmentCursor(segment, files.rules)
  try {
    const { outcome, end } = scanOn(files, cursor, segments, checked)
    if (end.nextOffset < recoveryPoint) {
      const reason =
        outcome === 'end' ? 'the log ends here, but everything below the recovery point was there once' : cursor.fault
      throw refusal(files, segment.logPath, end, reason, recoveryPoint)
    }
    const logStart = files.logStartOffset(segments)
    if (end.nextOffset < logStart) {
      // A record that got an offset below it would never be read. (A broker empties such a log; its data may be a restored copy.)
      throw refusal(files, segment.logPath, end, `the log ends here, below its log start offset ${logStart}`, logStart)
    }
    const cut = cutTail(files, cursor, fd, outcome, end)
    if (cut !== undefined || end.nextOffset > recoveryPoint) sync(fd, segment.logPath)
    syncEarlier(files, segments, end)
    return cut === undefined ? { segment, end } : { segment, end, cut }
  } finally {
    cursor.close()
    closeQuietly(fd)
  }
}

/** Goes on where the first half ended, or begins anew if that is not what it was. */
function scanOn(
  files: PartitionFiles,
  cursor: SegmentCursor,
  segments: readonly SegmentFiles[],
  checked: CheckedLog | undefined,
): Scanned {
  if (checked?.baseOffset === cursor.segment.baseOffset && checked.last.isIn(cursor.fd, cursor.segment.logPath)) {
    cursor.seek(checked.end.position, checked.end.nextOffset)
    const scanned = scan(cursor)
    if (scanned.outcome === 'end') return scanned
  }
  // Another process may have rolled since; or a write that the first half saw failed and was cut back, and others wrote there.
  // And what is to be cut is looked at once more: it may only be half a batch from the middle of theirs.
  cursor.seekToOffset(checkedFrom(files, segments))
  return scan(cursor)
}

/**
 * Earlier segments of a broker were synced up to its recovery point, and ours is about to be put behind them. And if the
 * newest segment is empty, a roll may have ended half-way: its steps are done again.
 */
function syncEarlier(files: PartitionFiles, segments: readonly SegmentFiles[], end: LogEnd): void {
  const isRollUnfinished = end.position === 0 && segments.length > 1
  const first = files.isOwned ? segments.length - 2 : segmentOf(segments, checkedFrom(files, segments))
  if (files.isOwned && !isRollUnfinished) return
  for (const { logPath, indexPath, timeIndexPath } of segments.slice(Math.max(first, 0), -1)) {
    for (const path of [logPath, indexPath, timeIndexPath]) if (path !== undefined) syncFile(path)
  }
  if (isRollUnfinished) syncFolder(files.folder)
}

function refusal(
  files: PartitionFiles,
  path: string,
  end: LogEnd,
  reason: string,
  recoveryPoint?: number,
): CorruptLogError {
  return new CorruptLogError(reason || 'bad bytes', {
    path,
    position: end.position,
    firstOffset: end.nextOffset,
    ...(recoveryPoint !== undefined && { lastOffset: Math.max(end.nextOffset, recoveryPoint - 1) }),
    hint: `this is damage to what was durable, so nothing may be appended to ${files.topic}/${files.partition}: repair it first (loglady inspect-segment ${path} shows it)`,
  })
}

/** Cuts everything behind the last valid batch. Nobody was ever told that it is safe: a sync covers all earlier bytes too. */
function cutTail(
  files: PartitionFiles,
  cursor: SegmentCursor,
  fd: number,
  outcome: CursorOutcome,
  end: LogEnd,
): CutReport | undefined {
  const { segment } = cursor
  const bytes = fstatSync(fd).size - end.position
  if (outcome === 'end' || bytes === 0) return undefined
  const reason = outcome === 'zeros' ? 'nothing but zero bytes follow' : cursor.fault
  const bounds = { atLeast: end.nextOffset, hasGaps: !files.rules.dense }
  const hasValidBehind = outcome !== 'zeros' && resynchronise(fd, segment, end.position, bounds) !== undefined
  const keptIn = hasValidBehind ? keepCut(files, segment, fd, end.position, bytes) : undefined
  try {
    ftruncateSync(fd, end.position)
  } catch (cause) {
    throw new StorageError(`cannot cut the torn tail: ${(cause as Error).message}`, { path: segment.logPath, cause })
  }
  removeSnapshotsAbove(files.folder, end.nextOffset)
  const report = { path: segment.logPath, position: end.position, bytes, offset: end.nextOffset, reason }
  return keptIn === undefined ? report : { ...report, keptIn }
}

/** A power cut leaves holes before valid batches, but so does bit rot in the unsynced end: keep a copy. */
function keepCut(files: PartitionFiles, segment: SegmentFiles, fd: number, position: number, bytes: number): string {
  const path = join(files.folder, cutFileName(segment.baseOffset, position))
  const copy = openSync(path, 'w')
  try {
    const block = Buffer.allocUnsafe(COPY_BYTES)
    for (let done = 0; done < bytes; ) {
      const read = readFully(fd, segment.logPath, block, 0, position + done, Math.min(block.length, bytes - done))
      if (read === 0) break
      writeAll(copy, path, block, read, done)
      done += read
    }
    sync(copy, path)
  } finally {
    closeSync(copy)
  }
  syncFolder(files.folder)
  return path
}

function syncFile(path: string): void {
  const fd = openSegmentFile(path, 'r')
  try {
    sync(fd, path)
  } finally {
    closeQuietly(fd)
  }
}

function writeAll(fd: number, path: string, bytes: Buffer, length: number, position: number): void {
  try {
    for (let at = 0; at < length; ) at += writeSync(fd, bytes, at, length - at, position + at)
  } catch (cause) {
    throw new StorageError(`cannot write: ${(cause as Error).message}`, { path, position, cause })
  }
}

function sync(fd: number, path: string): void {
  try {
    fdatasyncSync(fd)
  } catch (cause) {
    throw new SyncFailedError(`fdatasync failed: ${(cause as Error).message}`, { path, cause })
  }
}

/** Producer states beyond the end would speak of records that are gone; a broker removes them too. */
function removeSnapshotsAbove(folder: string, offset: number): void {
  for (const name of readdirSync(folder)) {
    const parsed = parseSegmentFileName(name)
    if (parsed?.kind === 'snapshot' && parsed.baseOffset > offset) rmSync(join(folder, name), { force: true })
  }
}

function carryOutLoadOrder(files: PartitionFiles): void {
  const { remove, rename } = files.list()
  if (remove.length === 0 && rename.length === 0) return
  for (const name of remove) rmSync(join(files.folder, name), { force: true })
  for (const [from, to] of rename) renameSync(join(files.folder, from), join(files.folder, to))
  syncFolder(files.folder)
}

/**
 * After a failed sync the kernel calls pages clean that the disk may lack: the same bytes are written once more, which
 * makes the pages dirty again, and synced through this descriptor. If that fails, the mark stays and nothing is appended.
 */
function rewriteUnsynced(files: PartitionFiles): void {
  const { segments } = files.list()
  let mark: UnsyncedMark | undefined
  try {
    mark = readUnsyncedMark(files.folder)
  } catch (error) {
    if (!(error instanceof CorruptFileError)) throw error
    const from = files.recoveryPointCheckpoint()
    mark = { baseOffset: segments.findLast(segment => segment.baseOffset <= from)?.baseOffset ?? 0, position: 0 }
  }
  if (mark === undefined) return
  for (const segment of segments) {
    if (segment.baseOffset < mark.baseOffset) continue
    rewrite(segment.logPath, segment.baseOffset === mark.baseOffset ? mark.position : 0)
  }
  removeUnsyncedMark(files.folder)
}

function rewrite(path: string, from: number): void {
  if (!existsSync(path)) return
  const fd = openSegmentFile(path, 'r+')
  try {
    const block = Buffer.allocUnsafe(COPY_BYTES)
    for (let position = from; ; ) {
      const read = readFully(fd, path, block, 0, position, block.length)
      if (read === 0) break
      writeAll(fd, path, block, read, position)
      position += read
    }
    sync(fd, path)
  } finally {
    closeQuietly(fd)
  }
}

/** One line for people. */
export function describeCut(cut: CutReport): string {
  const kept = cut.keptIn === undefined ? '' : `; valid batches stood behind it, all of it is kept in ${cut.keptIn}`
  const loudly = cut.keptIn === undefined ? 'cut a torn tail' : 'WARNING: cut bad bytes with batches behind them'
  return `${loudly}: ${basename(join(cut.path, '..'))}/${basename(cut.path)}: ${cut.bytes} bytes from byte ${cut.position} (offset ${cut.offset}; ${cut.reason})${kept}`
}
