import {
  type BadBytes,
  codecs,
  type FileReport,
  isSmallFile,
  isWrong,
  type LogInspection,
  type SmallFileEntry,
  worst,
} from '../../log/index.ts'
import { jsonSize, writeJson } from '../output/json.ts'
import type { BlockSink } from '../output/stdout.ts'
import { type InspectPresenter, MAX_HEX_BYTES, timestampOf, totalsOf } from './presenter.ts'
import { writeText } from './text.ts'

/** `-J`: each line says by "type" what it is: batch, record, damage, entry, file, and at last verdict. */
export class JsonInspectPresenter implements InspectPresenter {
  readonly #sink: BlockSink
  readonly #withHex: boolean

  constructor(sink: BlockSink, withHex: boolean) {
    this.#sink = sink
    this.#withHex = withHex
  }

  batch(inspection: LogInspection): void {
    const { header, filePosition, context } = inspection
    this.#print({
      type: 'batch',
      path: context.logPath,
      position: filePosition,
      sizeInBytes: header.sizeInBytes,
      baseOffset: header.baseOffset,
      lastOffset: header.lastOffset,
      recordsCount: header.recordsCount,
      magic: header.magic,
      codec: codecs[header.codecId],
      crc: header.crc.toString(16).padStart(8, '0'),
      timestampType: header.isLogAppendTime ? 'LogAppendTime' : 'CreateTime',
      baseTimestamp: timestampOf(() => header.baseTimestamp),
      maxTimestamp: timestampOf(() => header.maxTimestamp),
      leaderEpoch: header.leaderEpoch,
      producerId: String(header.producerId),
      producerEpoch: header.producerEpoch,
      baseSequence: header.baseSequence,
      isTransactional: header.isTransactional,
      isControl: header.isControl,
      hasDeleteHorizon: header.hasDeleteHorizon,
      ...this.#hex(inspection, filePosition, header.sizeInBytes),
    })
  }

  record(inspection: LogInspection): void {
    const { cursor, context } = inspection
    const control = cursor.isControl ? inspection.controlRecord() : undefined
    const headers = cursor.headers().map(([key, value]) => [bytesToJson(key), bytesToJson(value)])
    const place = { type: 'record', path: context.logPath, offset: cursor.offset, timestamp: cursor.timestamp }
    const fields = { ...place, timestampType: cursor.timestampType, ...(control && { control }) }
    // By hand, because bytes as JSON are text already.
    const key = `"key":${bytesToJson(cursor.key())},"value":${bytesToJson(cursor.value())}`
    const pairs = headers.map(([name, value]) => `[${name},${value}]`).join(',')
    writeText(this.#sink, `${JSON.stringify(fields).slice(0, -1)},${key},"headers":[${pairs}]}\n`)
  }

  badBytes(inspection: LogInspection, bad: BadBytes): void {
    const { position, bytes, message, firstOffset, lastOffset } = bad
    const lost = lastOffset < 0 ? { firstOffset } : lastOffset < firstOffset ? {} : { firstOffset, lastOffset }
    this.#print({
      type: 'damage',
      path: inspection.context.logPath,
      position,
      bytes,
      message,
      ...lost,
      ...this.#hex(inspection, position, bytes),
    })
  }

  entry(path: string, number: number, entry: SmallFileEntry): void {
    this.#print({ type: 'entry', path, number, ...entry })
  }

  report(report: FileReport): void {
    // The entries of a small file are lines of their own, or nobody wants them.
    const entries = isSmallFile(report) ? { entries: report.entries.length } : {}
    this.#print({ type: 'file', ...report, ...entries, isWrong: isWrong(report.verdict) })
  }

  async end(reports: readonly FileReport[]): Promise<void> {
    const verdict = worst(reports.map(report => report.verdict))
    const totals = totalsOf(reports, report => isWrong(report.verdict))
    this.#print({ type: 'verdict', verdict, isWrong: isWrong(verdict), ...totals })
  }

  #hex(inspection: LogInspection, position: number, length: number): { hex?: string } {
    if (!this.#withHex) return {}
    return { hex: inspection.read(position, Math.min(length, MAX_HEX_BYTES)).toString('hex') }
  }

  #print(value: unknown): void {
    writeText(this.#sink, `${JSON.stringify(value)}\n`)
  }
}

/** As `read -J` has it; for a terminal too. */
export function bytesToJson(bytes: Buffer | null): string {
  if (bytes === null) return 'null'
  const out = Buffer.allocUnsafe(jsonSize(bytes, 0, bytes.length))
  return out.toString('utf8', 0, writeJson(out, 0, bytes, 0, bytes.length, true))
}
