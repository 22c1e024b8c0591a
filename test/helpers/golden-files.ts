import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fixtureFolder, goldenFolders } from './golden.ts'

/** The paths of all golden files whose name ends so, from every case that is there. */
export function goldenFiles(ending: string): string[] {
  return goldenFolders().flatMap(folder =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith(ending))
      .map(name => join(folder, name))
      .sort(),
  )
}

/** A golden path as messages show it. */
export function goldenName(path: string): string {
  return path.startsWith(fixtureFolder) ? path.slice(fixtureFolder.length + 1) : path
}
