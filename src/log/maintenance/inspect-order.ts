import type { Finding } from './inspect-report.ts'

/** One batch, as far as its offsets and its leader epoch go. No CRC covers these two fields. */
export interface PlacedBatch {
  position: number
  baseOffset: number
  lastOffset: number
  /** -1 for none. */
  leaderEpoch: number
}

interface Gap {
  /** Of the batch behind it. */
  position: number
  firstOffset: number
  lastOffset: number
}

/** A compacted log has thousands of gaps, and nobody reads more than a few. */
const KEPT_GAPS = 8

/**
 * Watches the offsets from batch to batch: they must rise. Which of two neighbours is wrong, the third one tells: a
 * base offset that jumped ahead, with the next batch where the jump began, was changed itself.
 */
export class OffsetOrder {
  readonly findings: Finding[] = []
  gapCount = 0
  gapOffsets = 0
  readonly #path: string
  readonly #gaps: Gap[] = []
  /** Offset that comes next if none is missing; -1 if that is not known. */
  #expected: number
  /** While that is not known, what the next batch must have at least. */
  #floor = 0
  #previous: PlacedBatch | undefined
  #jump: Gap | undefined

  /** `firstOffset`: the least that the first batch may have, -1 if nobody knows. */
  constructor(path: string, firstOffset: number) {
    this.#path = path
    this.#expected = firstOffset
  }

  batch(batch: PlacedBatch): void {
    const { baseOffset, lastOffset } = batch
    const expected = this.#expected
    const jump = this.#jump
    this.#jump = undefined
    if (expected >= 0 && baseOffset < expected) {
      if (jump === undefined || baseOffset < jump.firstOffset) {
        this.#add(batch, `wrong base offset, expected ${expected} or more, found ${baseOffset}`)
        // The batch that should have been here is not missing, it is only misnamed.
        this.#expected = -1
        this.#previous = undefined
        this.#floor = expected
        return
      }
      this.#forget(jump)
      const misplaced = this.#previous!
      this.#add(misplaced, `wrong base offset, expected ${jump.firstOffset}, found ${misplaced.baseOffset}`)
    } else if (expected >= 0 && baseOffset > expected) {
      this.#jump = { position: batch.position, firstOffset: expected, lastOffset: baseOffset - 1 }
      this.#remember(this.#jump)
    } else if (baseOffset < this.#floor) {
      this.#add(batch, `wrong base offset, expected ${this.#floor} or more, found ${baseOffset}`)
      return
    }
    this.#floor = 0
    this.#previous = batch
    this.#expected = lastOffset + 1
  }

  /** Bad bytes: what is missing there is told with them. */
  damage(): void {
    this.#floor = Math.max(this.#floor, this.#expected)
    this.#expected = -1
    this.#jump = undefined
  }

  /** `nextBaseOffset` of the segment behind. */
  end(position: number, nextBaseOffset: number): void {
    if (this.#expected < 0 || nextBaseOffset <= this.#expected) return
    this.#remember({ position, firstOffset: this.#expected, lastOffset: nextBaseOffset - 1 })
  }

  /** What the gaps mean: lost offsets in a log that was never compacted. */
  gapFindings(isDense: boolean): Finding[] {
    if (this.gapCount === 0) return []
    if (!isDense) {
      const { firstOffset } = this.#gaps[0]!
      const gaps = this.gapCount === 1 ? 'a gap' : `${this.gapCount} gaps`
      const message = `${gaps} in the offsets, ${this.gapOffsets} in all, the first at ${firstOffset}: compaction leaves such`
      return [{ path: this.#path, message, verdict: 'clean' }]
    }
    const findings = this.#gaps.map(({ position, firstOffset, lastOffset }): Finding => {
      return {
        path: this.#path,
        message: 'missing offsets before this byte',
        verdict: 'damaged',
        position,
        firstOffset,
        lastOffset,
      }
    })
    if (this.gapCount > findings.length) {
      const message = `${this.gapCount - findings.length} more gaps in the offsets`
      findings.push({ path: this.#path, message, verdict: 'damaged' })
    }
    return findings
  }

  #add({ position, baseOffset, lastOffset }: PlacedBatch, message: string): void {
    this.findings.push({ path: this.#path, message, verdict: 'damaged', position, firstOffset: baseOffset, lastOffset })
  }

  #remember(gap: Gap): void {
    this.gapCount++
    this.gapOffsets += gap.lastOffset - gap.firstOffset + 1
    if (this.#gaps.length < KEPT_GAPS) this.#gaps.push(gap)
  }

  #forget(gap: Gap): void {
    this.gapCount--
    this.gapOffsets -= gap.lastOffset - gap.firstOffset + 1
    if (this.#gaps.at(-1) === gap) this.#gaps.pop()
  }
}
