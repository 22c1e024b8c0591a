/** What -V prints: everything that a report of a fault needs. */
export function versionLine(version: string): string {
  return `loglady ${version} (${process.platform}-${process.arch}, node ${process.version})`
}
