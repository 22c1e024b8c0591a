import {
  type BadBytes,
  codecs,
  type FileReport,
  type Finding,
  isWrong,
  type LogInspection,
  type SmallFileEntry,
  worst,
} from '../../log/index.ts'
import { type ColourWhen, type Palette, paletteFor } from '../colour.ts'
import { oneLine } from '../error-report.ts'
import type { BlockSink } from '../output/stdout.ts'
import { formatCount, formatSize } from '../sizes.ts'
import { formatLocalTime } from '../time-grammar.ts'
import { bytesToJson } from './json-presenter.ts'
import { type InspectPresenter, MAX_HEX_BYTES, timestampOf, totalsOf } from './presenter.ts'
import { summaryText } from './summary.ts'
import { hexDump, writeText } from './text.ts'

export interface TextOptions {
  terminal: boolean
  color: ColourWhen
  withHex: boolean
}

/**
 * For people on a terminal: words and tables. Elsewhere each line begins with what it is (batch, record, damage, entry, log,
 * file, finding, verdict), and its values follow, divided by tabs, `-` for none.
 */
export class TextInspectPresenter implements InspectPresenter {
  readonly #sink: BlockSink
  readonly #options: TextOptions
  readonly #palette: Palette

  private constructor(sink: BlockSink, options: TextOptions, palette: Palette) {
    this.#sink = sink
    this.#options = options
    this.#palette = palette
  }

  static async create(sink: BlockSink, options: TextOptions): Promise<TextInspectPresenter> {
    const palette = await paletteFor(options.color, { isTTY: options.terminal })
    return new TextInspectPresenter(sink, options, palette)
  }

  batch(inspection: LogInspection): void {
    const { header, filePosition } = inspection
    const { baseOffset, lastOffset, sizeInBytes, recordsCount, leaderEpoch } = header
    const flags = [
      header.isTransactional ? 'transactional' : '',
      header.isControl ? 'control' : '',
      header.hasDeleteHorizon ? 'delete-horizon' : '',
      header.isLogAppendTime ? 'log-append-time' : '',
    ].filter(flag => flag !== '')
    this.#line('batch', [
      ['', this.#options.terminal ? `${baseOffset}-${lastOffset}` : `${baseOffset}\t${lastOffset}`],
      ['byte', filePosition],
      ['size', sizeInBytes],
      ['records', recordsCount < 0 ? '?' : recordsCount],
      ['', codecs[header.codecId]!],
      ['magic', header.magic],
      ['', this.#time(timestampOf(() => header.maxTimestamp))],
      ['epoch', leaderEpoch],
      [
        'producer',
        header.producerId < 0n ? undefined : `${header.producerId}/${header.producerEpoch}/${header.baseSequence}`,
      ],
      ['crc', header.crc.toString(16).padStart(8, '0')],
      ['', flags.length === 0 ? undefined : flags.join(',')],
    ])
    this.#hex(inspection, filePosition, sizeInBytes)
  }

  record(inspection: LogInspection): void {
    const { cursor } = inspection
    const control = cursor.isControl ? inspection.controlRecord() : undefined
    const headers = cursor.headers().map(([key, value]) => `[${bytesToJson(key)},${bytesToJson(value)}]`)
    const epoch = control?.coordinatorEpoch === undefined ? '' : ` ${control.coordinatorEpoch}`
    this.#line('record', [
      ['', cursor.offset],
      ['', this.#time(cursor.timestamp)],
      ['key', bytesToJson(cursor.key())],
      ['value', bytesToJson(cursor.value())],
      ['headers', headers.length === 0 ? undefined : `[${headers.join(',')}]`],
      ['control', control === undefined ? undefined : `${control.type}${epoch}`],
    ])
  }

  badBytes(inspection: LogInspection, bad: BadBytes): void {
    const { position, bytes, firstOffset, lastOffset, message } = bad
    this.#line('damage', [
      ['byte', position],
      ['size', bytes],
      ['', this.#options.terminal ? lostOffsets(bad) : `${firstOffset}\t${lastOffset}`],
      ['', message],
    ])
    this.#hex(inspection, position, bytes)
  }

  entry(_path: string, number: number, entry: SmallFileEntry): void {
    const fields = Object.entries(entry).map(([key, value]): Field => [key, value ?? undefined])
    this.#line('entry', [['', number], ...fields])
  }

  report(_report: FileReport): void {}

  async end(reports: readonly FileReport[]): Promise<void> {
    const { terminal } = this.#options
    const summary = await summaryText(reports, { terminal, color: this.#options.color })
    if (summary !== '') writeText(this.#sink, `${summary}\n`)
    for (const finding of reports.flatMap(({ findings }) => findings))
      writeText(this.#sink, `${this.#finding(finding)}\n`)
    const verdict = worst(reports.map(report => report.verdict))
    const totals = totalsOf(reports, report => isWrong(report.verdict))
    const wrong = totals.wrongFiles === 0 ? [] : [`${totals.wrongFiles} of ${count(totals.files, 'file')}`]
    const logs = [`${count(totals.batches, 'batch', 'batches')}`, `${count(totals.records, 'record')}`]
    const part = reports.some(report => report.kind === 'log' && report.isPartial)
      ? ' in the part that was looked at'
      : ''
    const text = [...wrong, ...(totals.logs > 0 ? logs : [count(totals.files, 'file')])].join(', ') + part
    const colour = isWrong(verdict) ? this.#palette.bad : this.#palette.good
    writeText(this.#sink, terminal ? `${colour(verdict)}: ${text}\n` : `verdict\t${verdict}\t${text}\n`)
  }

  #finding(finding: Finding): string {
    const { path, message, verdict, position, bytes, firstOffset, lastOffset } = finding
    const kind = verdict === 'clean' ? 'note' : verdict
    if (!this.#options.terminal) {
      return ['finding', kind, path, position, bytes, firstOffset, lastOffset, message].map(cell).join('\t')
    }
    const at = position === undefined ? '' : ` at byte ${position}`
    const length = bytes === undefined ? '' : `, ${formatSize(bytes)}`
    const lost = firstOffset === undefined ? '' : ` (${lostOffsets({ firstOffset, lastOffset: lastOffset ?? -1 })})`
    const colour = isWrong(verdict) ? this.#palette.bad : this.#palette.faint
    return `${colour(kind)}  ${oneLine(path)}: ${oneLine(message)}${at}${length}${lost}`
  }

  #time(timestamp: number | null): string | number | undefined {
    if (timestamp === null || timestamp < 0) return undefined
    return this.#options.terminal ? formatLocalTime(timestamp) : timestamp
  }

  #line(kind: string, fields: readonly Field[]): void {
    if (!this.#options.terminal) {
      writeText(this.#sink, `${[kind, ...fields.map(([, value]) => cell(value))].join('\t')}\n`)
      return
    }
    const words = fields
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([name, value]) => (name === '' ? `${value}` : `${this.#palette.faint(name)} ${value}`))
    writeText(this.#sink, `${[this.#palette.heading(kind), ...words].join('  ')}\n`)
  }

  #hex(inspection: LogInspection, position: number, length: number): void {
    if (!this.#options.withHex) return
    const lines = hexDump(inspection.read(position, Math.min(length, MAX_HEX_BYTES)), position)
    if (length > MAX_HEX_BYTES) lines.push(`… ${formatCount(length - MAX_HEX_BYTES)} bytes more`)
    writeText(this.#sink, lines.map(line => `${this.#palette.faint(line)}\n`).join(''))
  }
}

/** A name for people, '' where the value speaks for itself. */
type Field = [name: string, value: string | number | undefined]

function cell(value: string | number | undefined): string {
  if (value === undefined) return '-'
  // Values that hold tabs on purpose come from here and have no other control characters.
  return typeof value === 'string' && /^-?\d+\t-?\d+$/.test(value) ? value : oneLine(String(value))
}

function lostOffsets({ firstOffset, lastOffset }: Pick<BadBytes, 'firstOffset' | 'lastOffset'>): string {
  if (lastOffset < 0) return `offsets from ${firstOffset} on`
  if (lastOffset < firstOffset) return 'no offset'
  return lastOffset === firstOffset ? `offset ${firstOffset}` : `offsets ${firstOffset}-${lastOffset}`
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${formatCount(number)} ${number === 1 ? one : many}`
}
