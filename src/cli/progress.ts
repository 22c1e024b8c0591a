import type { Ora } from 'ora'
import { formatCount, formatDuration, formatSize } from './sizes.ts'

export interface ProgressOptions {
  /** `checking`, `rebuilding indexes` … */
  label: string
  unit?: 'bytes' | 'records' | 'segments'
  total?: number
  quiet?: boolean
}

/** What runs longer than a second says so on stderr, if that is a terminal and -q was not given; else nothing happens. */
export interface Progress {
  update(done: number, total?: number): void
  /** Erases it. Print notes and results only after this. */
  end(): void
}

const silent: Progress = { update: () => {}, end: () => {} }
const firstShownAfterMs = 1000
const redrawnEveryMs = 100

export function startProgress(options: ProgressOptions): Progress {
  return options.quiet || !canDraw(process.stderr) ? silent : new TerminalProgress(options)
}

/** A terminal that says it is 0 columns wide (`script` in a pipe, `docker -t` without a size) makes ora clear lines for ever. */
export function canDraw(stream: { isTTY?: boolean; columns?: number }): boolean {
  return stream.isTTY === true && stream.columns !== 0
}

class TerminalProgress implements Progress {
  readonly #options: ProgressOptions
  readonly #start = performance.now()
  readonly #timer: NodeJS.Timeout
  #spinner: Ora | undefined
  #done = 0
  #total: number | undefined
  #drawn = 0
  #ended = false

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#total = options.total
    this.#timer = setTimeout(() => void this.#show(), firstShownAfterMs)
    this.#timer.unref()
  }

  update(done: number, total = this.#total): void {
    this.#done = done
    this.#total = total
    if (this.#spinner === undefined) return
    const now = performance.now()
    if (now - this.#drawn < redrawnEveryMs) return
    this.#drawn = now
    this.#spinner.text = this.#text()
    // By hand: between two calls of this the event loop may never get to the spinner's own timer.
    this.#spinner.render()
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#timer)
    this.#spinner?.stop()
    this.#spinner = undefined
  }

  // ora takes 40 ms and more to import, which only something slow may cost.
  async #show(): Promise<void> {
    const { default: ora } = await import('ora')
    if (this.#ended) return
    // Not hiding the cursor keeps ora from installing signal handlers, and stdin may be the data: it is left alone.
    this.#spinner = ora({ text: this.#text(), stream: process.stderr, hideCursor: false, discardStdin: false }).start()
  }

  #text(): string {
    return formatProgress(this.#options, this.#done, this.#total, performance.now() - this.#start)
  }
}

/** `checking 12.0 MiB of 48.0 MiB (25%), 4.0 MiB/s, 9.0 s left`. */
export function formatProgress(
  { label, unit }: ProgressOptions,
  done: number,
  total: number | undefined,
  elapsedMs: number,
): string {
  const show = (amount: number): string => (unit === 'bytes' ? formatSize(amount) : formatCount(Math.round(amount)))
  const seconds = elapsedMs / 1000
  const rate = seconds > 0 ? done / seconds : 0
  const name = unit === undefined || unit === 'bytes' ? '' : ` ${unit}`
  const speed = `${show(rate)}${name}/s`
  if (total === undefined || total <= 0) return `${label} ${show(done)}${name}, ${speed}`
  const share = Math.min(100, Math.floor((done / total) * 100))
  const left = rate > 0 && done < total ? `, ${formatDuration(((total - done) / rate) * 1000)} left` : ''
  return `${label} ${show(done)} of ${show(total)}${name} (${share}%), ${speed}${left}`
}
