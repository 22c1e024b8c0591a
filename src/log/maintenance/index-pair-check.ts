import { closeSync, openSync, statSync } from 'node:fs'
import type { IndexFile } from '../file/index-file.ts'
import { OffsetIndex } from '../file/offset-index.ts'
import { TimeIndex } from '../file/time-index.ts'
import {
  findInPadding,
  type IndexCheckOptions,
  type IndexedBatch,
  type IndexFault,
  type IndexProblem,
  OffsetIndexCheck,
  TimeIndexCheck,
} from './index-check.ts'
import type { Finding, IndexSummary } from './inspect-report.ts'

export interface IndexPaths {
  baseOffset: number
  indexPath?: string
  timeIndexPath?: string
}

/** The `.index` and the `.timeindex` of one segment, held against its batches as they come by. A file that is not there is none. */
export class SegmentIndexesCheck {
  readonly #index: OpenIndex<OffsetIndex, OffsetIndexCheck> | undefined
  readonly #timeIndex: OpenIndex<TimeIndex, TimeIndexCheck> | undefined

  constructor({ baseOffset, indexPath, timeIndexPath }: IndexPaths, options: IndexCheckOptions) {
    const index = indexPath === undefined ? undefined : OffsetIndex.open(indexPath, baseOffset)
    if (index !== undefined) this.#index = new OpenIndex(index, new OffsetIndexCheck(index, options))
    const timeIndex = timeIndexPath === undefined ? undefined : TimeIndex.open(timeIndexPath, baseOffset)
    if (timeIndex !== undefined) this.#timeIndex = new OpenIndex(timeIndex, new TimeIndexCheck(timeIndex, options))
  }

  /** What the offset index names, once or as often as somebody asks. */
  positions(): Iterable<number> {
    const index = this.#index?.file
    return {
      *[Symbol.iterator]() {
        for (const { position } of index?.scan() ?? []) yield position
      },
    }
  }

  batch(batch: IndexedBatch): void {
    this.#index?.check.batch(batch)
    this.#timeIndex?.check.batch(batch)
  }

  /** Bad bytes, and the last offset that is lost with them, -1 if nobody knows. */
  skip(position: number, end: number, lastOffset: number): void {
    const lost = lastOffset < 0 ? Number.POSITIVE_INFINITY : lastOffset
    this.#index?.check.skip(position, end)
    this.#timeIndex?.check.skip(position, end, lost)
  }

  /** Call it once, and only if the log was seen from its beginning to its end. */
  finish(end: number, lastOffset: number): Finding[] {
    this.#index?.check.finish(end, lastOffset)
    this.#timeIndex?.check.finish(lastOffset)
    return [...(this.#index?.findings() ?? []), ...(this.#timeIndex?.findings() ?? [])]
  }

  /** Undefined for a file that is not there. */
  faults(): { index: Set<IndexFault> | undefined; timeIndex: Set<IndexFault> | undefined } {
    return { index: this.#index?.faults(), timeIndex: this.#timeIndex?.faults() }
  }

  summaries(): { index?: IndexSummary; timeIndex?: IndexSummary } {
    return {
      ...(this.#index !== undefined && { index: summaryOf(this.#index.file) }),
      ...(this.#timeIndex !== undefined && { timeIndex: summaryOf(this.#timeIndex.file) }),
    }
  }

  /** By a rebuild or by compaction, or cut, as a writer does that takes the last time entry back: what was read is of no use. */
  areReplaced(): boolean {
    return this.#index?.isReplaced() === true || this.#timeIndex?.isReplaced() === true
  }

  close(): void {
    this.#index?.file.close()
    this.#timeIndex?.file.close()
  }
}

interface Check {
  readonly problems: readonly IndexProblem[]
  readonly counts: Record<IndexFault, number>
}

class OpenIndex<File extends IndexFile<unknown>, C extends Check> {
  readonly file: File
  readonly check: C
  readonly #inode: number | undefined
  readonly #strayBytes: IndexProblem | undefined

  constructor(file: File, check: C) {
    this.file = file
    this.check = check
    this.#inode = statSync(file.path, { throwIfNoEntry: false })?.ino
    this.#strayBytes = strayBytes(file)
  }

  faults(): Set<IndexFault> {
    const found = (Object.keys(this.check.counts) as IndexFault[]).filter(fault => this.check.counts[fault] > 0)
    return new Set(this.#strayBytes === undefined ? found : [...found, 'wrong'])
  }

  findings(): Finding[] {
    const problems = this.#strayBytes === undefined ? this.check.problems : [...this.check.problems, this.#strayBytes]
    const findings = problems.map(problem => findingOf(this.file.path, problem))
    const more = this.check.counts.wrong - problems.filter(({ fault }) => fault === 'wrong').length
    if (more > 0) findings.push({ path: this.file.path, message: `${more} more wrong entries`, verdict: 'wrong index' })
    return findings
  }

  isReplaced(): boolean {
    const found = statSync(this.file.path, { throwIfNoEntry: false })
    return found?.ino !== this.#inode || found === undefined || found.size < this.file.sizeInBytes
  }
}

export function findingOf(path: string, { fault, message, position }: IndexProblem): Finding {
  // A short index makes reads slow and nothing else.
  const verdict = fault === 'short' ? 'clean' : 'wrong index'
  return { path, message, verdict, ...(position >= 0 && { position }) }
}

export function summaryOf({ path, entries, sizeInBytes, paddingBytes }: IndexFile<unknown>): IndexSummary {
  return { path, entries, sizeInBytes, paddingBytes }
}

/** The end of the entries was found by halving, which a page of zeros in the middle deceives. */
export function strayBytes({ path, entries, entrySize, paddingBytes }: IndexFile<unknown>): IndexProblem | undefined {
  if (paddingBytes === 0) return undefined
  const fd = openSync(path, 'r')
  try {
    const position = findInPadding(fd, entries * entrySize)
    if (position < 0) return undefined
    return {
      fault: 'wrong',
      message: `entries behind zero bytes, which begin at byte ${entries * entrySize}`,
      position,
    }
  } finally {
    closeSync(fd)
  }
}
