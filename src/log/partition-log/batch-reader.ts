import { existsSync, fstatSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CorruptLogError, LogReplacedError, NotFoundError } from '../errors.ts'
import { logFileName } from '../file/names.ts'
import type { BatchHeader } from '../record/batch-header.ts'
import { BatchMark } from '../segment/batch-mark.ts'
import { resynchronise } from '../segment/resynchronise.ts'
import { type CursorOutcome, SegmentCursor } from '../segment/segment-cursor.ts'
import type { SegmentFiles } from '../segment/segment-files.ts'
import { findLogEndOffset } from './log-end.ts'
import type { PartitionFiles } from './partition-files.ts'

export interface ReaderOptions {
  /** First offset wanted. */
  from: number
  /** Offset to stop before; without it the reader goes on as the log grows. */
  until?: number
  /** Called once for each range that retention took before this reader came to it. */
  onRemoved?: (firstOffset: number, lastOffset: number) => void
}

/** What `skipDamage` passed over. `lastOffset` is below `firstOffset` if no offset is missing for sure. */
export interface DamageReport {
  path: string
  position: number
  bytes: number
  firstOffset: number
  lastOffset: number
  reason: string
}

interface Damage extends DamageReport {
  /** Where to go on in this segment; undefined: with the next one, or nowhere. */
  resume?: { position: number; baseOffset: number }
}

/** A name that appears in the same clock tick as a listing leaves the folder's mtime as it was; ticks are 1 to 10 ms. */
const RACY_LISTING_MS = 1000

/**
 * Reads the batches of a partition forward, across segments, without a lock, beside any number of writers (protocol.md,
 * Readers and followers). It stops at the last whole, valid batch: `next()` then returns undefined, and may be called again
 * once the log has grown. A segment is left only after it was read to its end after its successor had been seen.
 *
 * Bad bytes are damage if another segment follows, if they lie below the recovery point, or if valid batches come behind them;
 * else they are a write that is not done yet. Before it says damage the reader opens the place once more.
 */
export class BatchReader {
  readonly #files: PartitionFiles
  readonly #until: number
  readonly #onRemoved: (firstOffset: number, lastOffset: number) => void
  #segments: SegmentFiles[] = []
  #listedAt = 0
  #cursor: SegmentCursor | undefined
  #hasSeenSuccessor = false
  #damage: Damage | undefined
  #isConfirming = false
  #isAtEnd = false
  /** Which topic is read, and how far it was: to notice when the log is no longer the one that it was. */
  #topicId: string | undefined
  #reached = -1
  readonly #last = new BatchMark()
  /** The next offset to be read. */
  position: number

  constructor(files: PartitionFiles, options: ReaderOptions) {
    this.#files = files
    this.position = options.from
    this.#until = options.until ?? Number.POSITIVE_INFINITY
    this.#onRemoved = options.onRemoved ?? (() => {})
  }

  /** The segment and the byte at which the current batch starts. */
  get path(): string {
    return this.#cursor?.segment.logPath ?? this.#files.folder
  }

  get filePosition(): number {
    return this.#cursor?.filePosition ?? 0
  }

  /** True once `until` was reached: nothing more will come. */
  get isAtEnd(): boolean {
    return this.#isAtEnd
  }

  /**
   * The next batch, valid until the next call, always in the same object; undefined at the end for now. The first one may
   * begin below `from`, the last one end above `until`. Throws CorruptLogError at damage, after which `skipDamage` goes on
   * behind it; LogReplacedError when the log was cut or made anew.
   */
  next(): BatchHeader | undefined {
    while (!this.#isAtEnd) {
      if (this.position >= this.#until) return this.#end()
      const cursor = this.#cursor ?? this.#open()
      if (cursor === undefined) return undefined
      const outcome = cursor.next()
      if (outcome === 'batch') {
        this.#isConfirming = false
        const { header } = cursor
        if (header.lastOffset < this.position) continue
        if (header.magic === 2 && header.baseOffset >= this.#until) return this.#end()
        this.#last.set(header, cursor.filePosition)
        this.#reached = header.nextOffset
        this.position = header.nextOffset
        return header
      }
      if (!this.#goOn(cursor, outcome)) {
        this.#isConfirming = false
        return undefined
      }
    }
    return undefined
  }

  #end(): undefined {
    this.#isAtEnd = true
    this.close()
  }

  /** The segment that holds `position`. */
  #open(): SegmentCursor | undefined {
    this.#topicId ??= this.#files.topicId()
    // A segment that retention takes between listing and opening is found out by listing again; twice is bad luck.
    for (let tries = 0; ; tries++) {
      this.#list()
      const first = this.#segments[0]
      if (first === undefined) return undefined
      if (this.position < first.baseOffset) this.#skipRemoved(first.baseOffset)
      const segment = this.#segments.findLast(candidate => candidate.baseOffset <= this.position)!
      try {
        return this.#enter(segment, true)
      } catch (error) {
        if (!(error instanceof NotFoundError) || tries === 10) throw error
      }
    }
  }

  #enter(segment: SegmentFiles, seek: boolean): SegmentCursor {
    const cursor = new SegmentCursor(segment, this.#files.rules)
    try {
      // Asked once the file is open: if the answer is right, the file is the right topic's too.
      this.#checkTopic()
      if (seek) cursor.seekToOffset(this.position)
    } catch (error) {
      cursor.close()
      throw error
    }
    this.#cursor?.close()
    this.#cursor = cursor
    this.#last.clear()
    this.#hasSeenSuccessor = this.#listedSuccessor(segment) !== undefined
    return cursor
  }

  #list(): void {
    this.#listedAt = Date.now()
    this.#segments = this.#files.list().segments
  }

  #skipRemoved(to: number): void {
    this.#onRemoved(this.position, to - 1)
    this.position = to
  }

  /** The cursor stopped. True: try again; false: at the end for now. */
  #goOn(cursor: SegmentCursor, outcome: CursorOutcome): boolean {
    const successor = this.#successor(cursor)
    if (outcome === 'end' || outcome === 'zeros') {
      if (successor !== undefined) return this.#leave(cursor, successor)
      this.#checkReplaced(cursor)
      if (this.#expected(cursor) >= this.#files.recoveryPoint(this.#segments)) return false
      return this.#judge(cursor, 'the log ends here, but everything below the recovery point was there once', undefined)
    }
    this.#checkReplaced(cursor)
    if (successor !== undefined || this.#expected(cursor) < this.#files.recoveryPoint(this.#segments)) {
      return this.#judge(cursor, cursor.fault, successor)
    }
    // Nothing of the log's own behind it: a write that goes on, or one that died.
    if (this.#resume(cursor, undefined) === undefined) return false
    return this.#judge(cursor, cursor.fault, undefined)
  }

  #expected(cursor: SegmentCursor): number {
    return cursor.expected >= 0 ? cursor.expected : this.position
  }

  #leave(cursor: SegmentCursor, successor: SegmentFiles): boolean {
    if (!this.#hasSeenSuccessor) {
      // Seen only now: what was added before it was made has to be read first.
      this.#hasSeenSuccessor = true
      return true
    }
    const logStart = this.#segments[0]!.baseOffset
    const expected = this.#expected(cursor)
    if (this.#files.rules.dense && logStart <= expected && expected < successor.baseOffset) {
      return this.#judge(
        cursor,
        `the segment ends here, and the next one begins with ${successor.baseOffset}`,
        successor,
      )
    }
    this.#isConfirming = false
    if (successor.baseOffset > this.position) {
      if (logStart > this.position) this.#skipRemoved(logStart)
      else this.position = successor.baseOffset
    }
    try {
      this.#enter(successor, false)
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error
      // Taken by retention since the listing.
      this.#cursor?.close()
      this.#cursor = undefined
    }
    return true
  }

  #listedSuccessor(segment: SegmentFiles): SegmentFiles | undefined {
    return this.#segments.find(candidate => candidate.baseOffset > segment.baseOffset)
  }

  #successor(cursor: SegmentCursor): SegmentFiles | undefined {
    const listed = this.#listedSuccessor(cursor.segment)
    if (listed !== undefined) return listed
    const { folder } = this.#files
    const expected = this.#expected(cursor)
    const isRolled = expected > cursor.segment.baseOffset && existsSync(join(folder, logFileName(expected)))
    const folderChange = statSync(folder, { throwIfNoEntry: false })?.mtimeMs
    if (!isRolled && folderChange !== undefined && folderChange < this.#listedAt - RACY_LISTING_MS) return undefined
    try {
      this.#list()
    } catch (error) {
      // The topic went away; `checkReplaced` says so where it matters.
      if (!(error instanceof NotFoundError)) throw error
    }
    return this.#listedSuccessor(cursor.segment)
  }

  /** At the end of the newest segment: is it still the one with this name, as long as it was, and with the same batches? */
  #checkReplaced(cursor: SegmentCursor): void {
    const { logPath, baseOffset } = cursor.segment
    const held = fstatSync(cursor.fd)
    const named = statSync(logPath, { throwIfNoEntry: false })
    const isCut = held.size < cursor.filePosition || (cursor.expected >= 0 && cursor.expected < this.#reached)
    if (named?.ino === held.ino && named.dev === held.dev) {
      if (!isCut && this.#last.isIn(cursor.fd, logPath)) return
    } else {
      this.#checkTopic()
      // Compaction and repair replace a segment by one that goes as far.
      if (named !== undefined && this.#goesAsFar(baseOffset)) return
    }
    if (named === undefined) {
      const details = { path: logPath, firstOffset: this.position }
      throw new LogReplacedError('the segment was removed while it was read', details)
    }
    throw new LogReplacedError(`the log was cut below offset ${this.position}, which had been reached`, {
      path: logPath,
      firstOffset: Math.min(this.position, findLogEndOffset(this.#files, this.#segments)),
      lastOffset: this.position - 1,
    })
  }

  #checkTopic(): void {
    const id = this.#files.topicId()
    if (id === undefined || this.#topicId === undefined || id === this.#topicId) return
    const { topic, folder } = this.#files
    throw new LogReplacedError(`${topic} was deleted and made anew; offset ${this.position} had been reached`, {
      path: folder,
      firstOffset: this.position,
    })
  }

  #goesAsFar(baseOffset: number): boolean {
    this.#list()
    const segment = this.#segments.find(candidate => candidate.baseOffset === baseOffset)
    if (segment === undefined) return false
    const cursor = new SegmentCursor(segment, this.#files.rules)
    cursor.seekToOffset(this.position - 1)
    let end = segment.baseOffset
    while (end < this.position && cursor.next() === 'batch') end = cursor.header.nextOffset
    if (end < this.position) {
      cursor.close()
      return false
    }
    this.#cursor?.close()
    this.#cursor = cursor
    this.#last.clear()
    return true
  }

  #judge(cursor: SegmentCursor, reason: string, successor: SegmentFiles | undefined): boolean {
    if (!this.#isConfirming) {
      this.#isConfirming = true
      this.#lookAgain(cursor)
      return true
    }
    this.#isConfirming = false
    const { logPath } = cursor.segment
    const position = cursor.filePosition
    const firstOffset = this.#expected(cursor)
    const resume = this.#resume(cursor, successor)
    const below = resume?.baseOffset ?? successor?.baseOffset ?? this.#files.recoveryPoint(this.#segments)
    const bytes = (resume?.position ?? fstatSync(cursor.fd).size) - position
    const lastOffset = Math.max(firstOffset - 1, below - 1)
    this.#damage = { path: logPath, position, bytes, firstOffset, lastOffset, reason, ...(resume && { resume }) }
    throw new CorruptLogError(reason, {
      path: logPath,
      position,
      firstOffset,
      lastOffset: Math.max(firstOffset, lastOffset),
      hint: `loglady inspect-segment ${logPath} shows the damage; read --skip-corrupt goes on behind it`,
    })
  }

  /** Opens the place once more by name: a writer may have cut and rewritten it meanwhile. */
  #lookAgain(cursor: SegmentCursor): void {
    const position = cursor.filePosition
    const { expected } = cursor
    this.#list()
    const segment = this.#segments.find(candidate => candidate.baseOffset === cursor.segment.baseOffset)
    if (segment === undefined) return
    try {
      this.#enter(segment, false).seek(position, expected)
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error
    }
  }

  #resume(cursor: SegmentCursor, successor: SegmentFiles | undefined): Damage['resume'] {
    const atLeast = this.#expected(cursor)
    const below = successor === undefined ? {} : { below: successor.baseOffset }
    const bounds = { atLeast, ...below, hasGaps: !this.#files.rules.dense }
    return resynchronise(cursor.fd, cursor.segment, cursor.filePosition, bounds)
  }

  /** After a CorruptLogError: goes on behind the damage, and says what that leaves out. */
  skipDamage(): DamageReport {
    const damage = this.#damage
    const cursor = this.#cursor
    if (damage === undefined || cursor === undefined) throw new TypeError('there is no damage to skip')
    this.#damage = undefined
    const { resume, ...report } = damage
    this.position = Math.max(this.position, report.lastOffset + 1)
    if (resume !== undefined) {
      cursor.seek(resume.position, resume.baseOffset)
    } else {
      const successor = this.#listedSuccessor(cursor.segment)
      if (successor === undefined) this.#end()
      else this.#enter(successor, false)
    }
    return report
  }

  close(): void {
    this.#cursor?.close()
    this.#cursor = undefined
  }
}
