import { readdirSync } from 'node:fs'
import { join, sep } from 'node:path'

/** What Kafka's own classes and real brokers wrote; test/fixtures/kafka-golden/README.md says how. */
export const goldenFolder = join(import.meta.dirname, '..', 'fixtures', 'kafka-golden')

/** The paths of all golden files whose name ends so, from every case that is there. */
export function goldenFiles(ending: string): string[] {
  return readdirSync(goldenFolder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(ending))
    .map(name => join(goldenFolder, name))
    .sort()
}

/** A golden path as test titles show it. */
export function goldenName(path: string): string {
  return path
    .slice(goldenFolder.length + 1)
    .split(sep)
    .join('/')
}
