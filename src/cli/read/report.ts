import { relative } from 'node:path'
import type { SkippedDamage } from '../../log/index.ts'
import { formatCount, formatDuration, formatSize } from '../sizes.ts'
import type { Printer } from './printer.ts'

/** With the path as seen from the data directory: `skipped default-0/00000000000000001024.log: 4,096 bytes from byte 73728 on, offsets 1301-1340: CRC mismatch, …` */
export function describeDamage(
  { path, position, bytes, firstOffset, lastOffset, reason }: SkippedDamage,
  directory: string,
): string {
  const offsets =
    lastOffset < firstOffset
      ? 'no offsets missing for sure'
      : lastOffset === firstOffset
        ? `offset ${firstOffset}`
        : `offsets ${firstOffset}-${lastOffset}`
  return `skipped ${relative(directory, path)}: ${formatCount(bytes)} bytes from byte ${position} on, ${offsets}: ${reason}`
}

export interface PrintStatistics {
  records: number
  bytes: number
  milliseconds: number
}

export function statisticsOf(printer: Printer, startedAt: number): PrintStatistics {
  const milliseconds = Math.round((performance.now() - startedAt) * 10) / 10
  return { records: printer.printed, bytes: printer.sink.produced, milliseconds }
}

/** `printed 1,234 records, 1.2 MiB in 12 ms: 102,833 records/s, 100.1 MiB/s` */
export function formatStatistics({ records, bytes, milliseconds }: PrintStatistics): string {
  const perSecond = (amount: number) => Math.round((amount * 1000) / Math.max(milliseconds, 0.1))
  const amount = `${formatCount(records)} ${records === 1 ? 'record' : 'records'}, ${formatSize(bytes)}`
  const rate = `${formatCount(perSecond(records))} records/s, ${formatSize(perSecond(bytes))}/s`
  return `printed ${amount} in ${formatDuration(milliseconds)}: ${rate}`
}
