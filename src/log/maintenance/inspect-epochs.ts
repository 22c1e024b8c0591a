import type { LeaderEpoch } from '../file/leader-epoch-checkpoint.ts'
import type { PlacedBatch } from './inspect-order.ts'
import type { Finding } from './inspect-report.ts'

interface Run {
  epoch: number
  batches: number
  position: number
  baseOffset: number
  /** Of the last batch. */
  lastBase: number
  lastOffset: number
}

/** A new run is a change of leader. More than this in one segment is damage, or not worth the memory. */
const MAX_RUNS = 10_000

/**
 * Leader epochs never go down along a log, and `leader-epoch-checkpoint` says from which offset on each one holds. Without
 * that file one batch between two others that agree can still be told to be wrong.
 */
export class EpochOrder {
  readonly #path: string
  readonly #runs: Run[] = []

  constructor(path: string) {
    this.#path = path
  }

  get epochs(): number[] {
    return [...new Set(this.#runs.map(run => run.epoch))].sort((a, b) => a - b)
  }

  batch({ position, baseOffset, lastOffset, leaderEpoch }: PlacedBatch): void {
    // -1: written before there were epochs, or by somebody who knew none.
    if (leaderEpoch < 0) return
    const last = this.#runs.at(-1)
    if (last !== undefined && last.epoch === leaderEpoch) {
      last.batches++
      last.lastBase = baseOffset
      last.lastOffset = lastOffset
    } else if (this.#runs.length < MAX_RUNS) {
      this.#runs.push({ epoch: leaderEpoch, batches: 1, position, baseOffset, lastBase: baseOffset, lastOffset })
    }
  }

  /**
   * `checkpoint` as it is now, read behind the batches: a broker writes it first. Offsets below its first entry are
   * not judged by it; an adopted log may have had higher epochs there (kafka-format.md 4.6).
   */
  findings(checkpoint: readonly LeaderEpoch[]): Finding[] {
    const findings: Finding[] = []
    for (const [i, run] of this.#runs.entries()) {
      const message = this.#faultByCheckpoint(run, checkpoint) ?? this.#faultByNeighbours(i)
      if (message === undefined) continue
      const { position, baseOffset, lastOffset } = run
      findings.push({ path: this.#path, message, verdict: 'damaged', position, firstOffset: baseOffset, lastOffset })
    }
    return findings
  }

  #faultByCheckpoint(run: Run, checkpoint: readonly LeaderEpoch[]): string | undefined {
    for (const offset of [run.baseOffset, run.lastBase]) {
      const expected = checkpoint.findLast(entry => entry.startOffset <= offset)?.epoch
      if (expected !== undefined && expected !== run.epoch) {
        return `wrong leader epoch, expected ${expected} as leader-epoch-checkpoint says, found ${run.epoch}`
      }
    }
    return undefined
  }

  #faultByNeighbours(i: number): string | undefined {
    const run = this.#runs[i]!
    const before = this.#runs[i - 1]
    const after = this.#runs[i + 1]
    if (run.batches > 1 || before === undefined || after === undefined || before.epoch > after.epoch) return undefined
    if (run.epoch >= before.epoch && run.epoch <= after.epoch) return undefined
    return `wrong leader epoch, expected ${before.epoch} as before, found ${run.epoch}`
  }
}
