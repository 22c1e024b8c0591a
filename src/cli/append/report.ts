import type { AppendSummary, LogladyError } from '../../log/index.ts'
import type { Interruption } from '../framing/input-feed.ts'
import { formatCount, formatDuration, formatSize } from '../sizes.ts'

/** More partitions than these are counted, not listed. */
const LISTED_PARTITIONS = 8

/** `appended 1,234 records (1.2 MiB) to default  partition 0: 100..733  synced  12 ms` */
export function formatSummary(summary: AppendSummary, bytes: number, milliseconds: number): string {
  const { topic, records, partitions, synced } = summary
  const parts = [`appended ${recordCount(records)} (${formatSize(bytes)}) to ${topic}`]
  if (partitions.length > LISTED_PARTITIONS) parts.push(`${partitions.length} partitions`)
  else
    for (const { partition, baseOffset, lastOffset } of partitions)
      parts.push(`partition ${partition}: ${baseOffset}..${lastOffset}`)
  parts.push(synced ? 'synced' : 'not synced', formatDuration(milliseconds))
  return parts.join('  ')
}

/** The same as an object for `--ack summary`; `bytes` counts input. */
export function summaryAsJson(summary: AppendSummary, bytes: number, milliseconds: number): object {
  const { topic, records, synced } = summary
  const partitions = summary.partitions.map(({ partition, baseOffset, lastOffset, records }) => ({
    partition,
    baseOffset,
    lastOffset,
    records,
  }))
  return { topic, records, bytes, partitions, synced, ms: Math.round(milliseconds) }
}

/** Where a signal ended the input, if that says more than that all of it was taken. */
export function describeInterruption(signal: string, { name, position, droppedBytes }: Interruption): string {
  const dropped = droppedBytes === 0 ? '' : `; ${droppedBytes} bytes behind it are no whole record and were dropped`
  return `stopped by ${signal} at byte ${position} of ${name}${dropped}`
}

/** What is safe of a run that failed, for the hint of its error. */
export function describeSafe({ topic, partitions, synced }: AppendSummary, isComplete: boolean): string {
  const safe = partitions.filter(({ baseOffset, durableOffset }) => isComplete || durableOffset > baseOffset)
  if (safe.length === 0) return isComplete ? 'no record was written' : 'no record of this run is known to be safe'
  const listed = safe.slice(0, LISTED_PARTITIONS).map(({ partition, baseOffset, lastOffset, durableOffset }) => {
    const last = isComplete ? lastOffset : Math.min(lastOffset, durableOffset - 1)
    return `${topic}/${partition} offsets ${baseOffset}-${last}`
  })
  if (safe.length > listed.length) listed.push(`and ${safe.length - listed.length} more partitions`)
  if (!isComplete) return `safe of this run: ${listed.join(', ')}`
  return `all before it was ${synced ? 'written and synced' : 'written, but not synced'}: ${listed.join(', ')}`
}

/** The error with one more sentence in its hint. */
export function withHint(error: LogladyError, sentence: string): LogladyError {
  const hint = error.hint === undefined ? sentence : `${sentence}; ${error.hint}`
  return Object.defineProperty(error, 'hint', { value: hint })
}

function recordCount(records: number): string {
  return `${formatCount(records)} ${records === 1 ? 'record' : 'records'}`
}
