import { inspectIndex, inspectWhole, type OnProgress } from './inspect-index.ts'
import { type InspectLogOptions, LogInspection } from './inspect-log.ts'
import type { FileReport } from './inspect-report.ts'
import { inspectSmallFile } from './inspect-small-file.ts'
import { type InspectTarget, inspectTargets } from './inspect-target.ts'

/**
 * Looks at a file of a log, at all files of a partition's folder, or at a whole data directory: read-only, without a lock,
 * also while a broker or a writer is at work there. A report for each file, the segments of a partition in offset order and
 * their indexes with them; `isWrong(report.verdict)` says whether anything is the matter with it.
 *
 *     for await (const { path, verdict } of inspect('/var/lib/kafka/events-0')) if (isWrong(verdict)) tell(path, verdict)
 *
 * Throws NotFoundError, InvalidArgumentError for what is nothing of a log, StorageError. Whatever is wrong in the files is in
 * the reports.
 */
export async function* inspect(path: string, options: InspectLogOptions = {}): AsyncGenerator<FileReport> {
  for (const target of inspectTargets(path)) yield await inspectTarget(target, options)
}

export async function inspectTarget(
  target: InspectTarget,
  options: InspectLogOptions = {},
  onProgress?: OnProgress,
): Promise<FileReport> {
  if (target.kind === 'index' || target.kind === 'timeindex') return inspectIndex(target.path, target.kind, onProgress)
  if (target.kind !== 'log') return inspectSmallFile(target.path, target.kind)
  const inspection = new LogInspection(target.context, options)
  try {
    return await inspectWhole(inspection, onProgress)
  } finally {
    inspection.close()
  }
}
