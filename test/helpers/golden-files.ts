import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fixtureFolder, goldenFolders } from './golden.ts'

/** The paths of all golden files whose name ends so, from every case that is there; of equal files at one place one. */
export function goldenFiles(ending: string): string[] {
  const found = new Map<string, string>()
  for (const folder of goldenFolders()) {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith(ending))
    for (const name of names.sort()) {
      const path = join(folder, name)
      const other = found.get(name)
      if (other === undefined) found.set(name, path)
      else if (!readFileSync(other).equals(readFileSync(path))) found.set(path, path)
    }
  }
  return [...found.values()]
}

/** A golden path as messages show it. */
export function goldenName(path: string): string {
  return path.startsWith(fixtureFolder) ? path.slice(fixtureFolder.length + 1) : path
}
