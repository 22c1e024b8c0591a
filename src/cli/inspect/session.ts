import { setImmediate } from 'node:timers/promises'
import {
  type FileReport,
  type InspectLogOptions,
  type InspectTarget,
  indexEntries,
  inspectTarget,
  isSmallFile,
  LogInspection,
  type LogReport,
} from '../../log/index.ts'
import type { BlockSink } from '../output/stdout.ts'
import type { Progress } from '../progress.ts'
import type { InspectPresenter } from './presenter.ts'

export interface SessionOptions extends InspectLogOptions {
  showBatches: boolean
  showRecords: boolean
  /** The entries of what is neither a log nor an index: when such a file was named itself. */
  showEntries: boolean
}

/** Between two looks at the event loop, for the progress on the screen. */
const BYTES_A_TURN = 1 << 25

/** Inspects files one after the other and hands what is there to a presenter. */
export class InspectSession {
  readonly reports: FileReport[] = []
  readonly #sink: BlockSink
  readonly #presenter: InspectPresenter
  readonly #progress: Progress
  readonly #options: SessionOptions
  #bytesBefore = 0

  constructor(sink: BlockSink, presenter: InspectPresenter, progress: Progress, options: SessionOptions) {
    this.#sink = sink
    this.#presenter = presenter
    this.#progress = progress
    this.#options = options
  }

  /** The reader of stdout has gone. */
  get isOver(): boolean {
    return this.#sink.isClosed
  }

  /** Throws NotFoundError if the file is not there any more. */
  async inspect(target: InspectTarget): Promise<void> {
    const { showBatches, showRecords } = this.#options
    const onProgress = (bytes: number): void => this.#progress.update(this.#bytesBefore + bytes)
    const report =
      target.kind === 'log' && (showBatches || showRecords)
        ? await this.#showLog(new LogInspection(target.context, this.#options), onProgress)
        : await inspectTarget(target, this.#options, onProgress)
    await this.#showEntries(report)
    if (report.kind === 'log') this.#bytesBefore += report.sizeInBytes
    this.#presenter.report(report)
    this.reports.push(report)
    if (this.#sink.isFull) await this.#sink.rotate()
  }

  async #showLog(inspection: LogInspection, onProgress: (bytes: number) => void): Promise<LogReport> {
    let turn = BYTES_A_TURN
    try {
      for (let step = inspection.next(); step !== 'end' && !this.isOver; step = inspection.next()) {
        if (step !== 'batch') this.#presenter.badBytes(inspection, inspection.badBytes!)
        else await this.#showBatch(inspection)
        if (this.#sink.isFull) await this.#sink.rotate()
        if (inspection.nextPosition < turn) continue
        turn = inspection.nextPosition + BYTES_A_TURN
        onProgress(inspection.nextPosition)
        await setImmediate()
      }
      return await inspection.finish()
    } finally {
      inspection.close()
    }
  }

  async #showBatch(inspection: LogInspection): Promise<void> {
    if (this.#options.showBatches) this.#presenter.batch(inspection)
    if (!this.#options.showRecords) return
    while (inspection.nextRecord() && !this.isOver) {
      this.#presenter.record(inspection)
      if (this.#sink.isFull) await this.#sink.rotate()
    }
  }

  async #showEntries(report: FileReport): Promise<void> {
    if (report.kind === 'log') return
    const isSmall = isSmallFile(report)
    if (isSmall ? !this.#options.showEntries : !this.#options.showRecords) return
    const { maxBatches = Number.POSITIVE_INFINITY } = this.#options
    let number = 0
    for (const entry of isSmall ? report.entries : indexEntries(report)) {
      if (number >= maxBatches || this.isOver) return
      this.#presenter.entry(report.path, number++, entry)
      if (this.#sink.isFull) await this.#sink.rotate()
    }
  }
}
