/**
 * `.kafka_cleanshutdown`: a broker leaves it in the data directory when it stops in order, and removes it when it starts.
 * Only its existence counts (since 3.7 it holds `{"version":0,"brokerEpoch":N}`, before it was empty): a broker that finds
 * it trusts every file blindly, and appends behind a torn batch. So loglady removes it, durably, before its first write in a
 * directory, after which a broker checks everything from the recovery points on, and makes it in a hand-over only.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { removeFile, syncFolder } from './durable.ts'
import { cleanShutdownFile, metaPropertiesFile } from './names.ts'

export function hasCleanShutdownMark(directory: string): boolean {
  return existsSync(join(directory, cleanShutdownFile))
}

/** When this returns, a power cut can't bring the mark back. True: it was there. */
export function removeCleanShutdownMark(directory: string): boolean {
  if (removeFile(join(directory, cleanShutdownFile), { durable: true })) return true
  // Another process may have removed it a moment ago and not have synced the folder yet. A broker's directory alone is worth
  // that sync: meta.properties tells, as no broker starts without it.
  if (existsSync(join(directory, metaPropertiesFile))) syncFolder(directory)
  return false
}
