import { basename, dirname } from 'node:path'
import { type FileReport, type IndexSummary, isSmallFile, type LogReport } from '../../log/index.ts'
import type { ColourWhen } from '../colour.ts'
import { oneLine } from '../error-report.ts'
import { formatCount, formatSize } from '../sizes.ts'
import { type Column, formatRows } from '../table.ts'
import { formatLocalTime } from '../time-grammar.ts'

interface SummaryOptions {
  terminal: boolean
  color: ColourWhen
}

/** One log: its facts below each other. Several files: a table of the logs, and one of the others. */
export async function summaryText(reports: readonly FileReport[], options: SummaryOptions): Promise<string> {
  const logs = reports.filter(report => report.kind === 'log')
  const others = reports.filter(report => report.kind !== 'log')
  if (options.terminal && reports.length === 1 && logs.length === 1) return facts(logs[0]!)
  const logText = logs.length === 0 ? '' : await formatRows(logs, logColumns, options)
  const otherText = others.length === 0 ? '' : await formatRows(others, otherColumns, options)
  if (options.terminal) return [logText, otherText].filter(text => text !== '').join('\n\n')
  const lines = [...prefixed('log', logText), ...prefixed('file', otherText)]
  return lines.join('\n')
}

function prefixed(kind: string, text: string): string[] {
  return text === '' ? [] : text.split('\n').map(line => `${kind}\t${line}`)
}

const logColumns: Column<LogReport>[] = [
  { heading: 'FILE', value: row => row.path, show: row => shortPath(row.path) },
  { heading: 'SIZE', align: 'right', value: row => row.sizeInBytes, show: row => formatSize(row.sizeInBytes) },
  { heading: 'BATCHES', align: 'right', value: row => row.batches, show: row => formatCount(row.batches) },
  { heading: 'RECORDS', align: 'right', value: row => row.records, show: row => formatCount(row.records) },
  { heading: 'FIRST', align: 'right', value: row => (row.batches === 0 ? undefined : row.firstOffset) },
  { heading: 'LAST', align: 'right', value: row => (row.batches === 0 ? undefined : row.lastOffset) },
  { heading: 'FIRST TIME', value: row => known(row.firstTimestamp), show: row => timeText(row.firstTimestamp) },
  { heading: 'LARGEST TIME', value: row => known(row.maxTimestamp), show: row => timeText(row.maxTimestamp) },
  { heading: 'CODEC', value: row => codecText(row) },
  { heading: 'CRC', value: row => crcText(row) },
  { heading: 'INDEX', align: 'right', value: row => row.index?.entries },
  { heading: 'TIME INDEX', align: 'right', value: row => row.timeIndex?.entries },
  { heading: 'VERDICT', value: row => row.verdict },
]

type OtherReport = Exclude<FileReport, LogReport>

const otherColumns: Column<OtherReport>[] = [
  { heading: 'FILE', value: row => row.path, show: row => shortPath(row.path) },
  { heading: 'SIZE', align: 'right', value: row => row.sizeInBytes, show: row => formatSize(row.sizeInBytes) },
  { heading: 'ENTRIES', align: 'right', value: row => (isSmallFile(row) ? row.entries.length : row.entries) },
  { heading: 'VERDICT', value: row => row.verdict },
]

function facts(log: LogReport): string {
  const lines: [string, string | undefined][] = [
    ['file', oneLine(log.path)],
    ['size', formatSize(log.sizeInBytes)],
    ['batches', `${formatCount(log.batches)}${batchKinds(log)}`],
    ['records', formatCount(log.records)],
    ['offsets', log.batches === 0 ? '-' : `${log.firstOffset} to ${log.lastOffset}`],
    ['gaps', log.gaps.count === 0 ? undefined : `${log.gaps.count}, ${formatCount(log.gaps.offsets)} offsets`],
    ['times', log.batches === 0 ? '-' : `${timeText(log.firstTimestamp)} to ${timeText(log.maxTimestamp)}`],
    ['codec', codecText(log)],
    ['magic', Object.keys(log.magics).join(', ') || '-'],
    ['leader epochs', log.leaderEpochs.join(', ') || '-'],
    ['CRC', crcText(log)],
    ['preallocated', log.preallocatedBytes === 0 ? undefined : formatSize(log.preallocatedBytes)],
    ['index', indexText(log.index)],
    ['time index', indexText(log.timeIndex)],
  ]
  return lines
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => `${name.padEnd(14)} ${text}`)
    .join('\n')
}

function batchKinds(log: LogReport): string {
  const kinds = [
    [log.transactionalBatches, 'transactional'],
    [log.controlBatches, 'control'],
    [log.emptyBatches, 'empty'],
  ] as const
  const there = kinds.filter(([count]) => count > 0).map(([count, name]) => `${formatCount(count)} ${name}`)
  return there.length === 0 ? '' : ` (${there.join(', ')})`
}

function codecText({ codecs }: LogReport): string {
  return Object.keys(codecs).join(',') || '-'
}

function crcText({ badBytes }: LogReport): string {
  return badBytes === 0 ? 'ok' : `${badBytes} bytes bad`
}

function indexText(index: IndexSummary | undefined): string {
  if (index === undefined) return 'none'
  const padding = index.paddingBytes === 0 ? '' : `, ${formatSize(index.paddingBytes)} preallocated`
  return `${formatCount(index.entries)} ${index.entries === 1 ? 'entry' : 'entries'}${padding}`
}

function timeText(timestamp: number): string {
  return timestamp < 0 ? '-' : formatLocalTime(timestamp)
}

function known(timestamp: number): number | undefined {
  return timestamp < 0 ? undefined : timestamp
}

/** The folder and the file: in a table of a whole directory the rest is the same in every row. */
function shortPath(path: string): string {
  const folder = basename(dirname(path))
  return oneLine(folder === '' || folder === '.' ? basename(path) : `${folder}/${basename(path)}`)
}
