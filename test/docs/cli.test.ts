import { expect, test } from 'vitest'
import { withReference } from '../../scripts/reference.ts'
import { readDocument } from '../helpers/documents.ts'

test('docs/cli.md says what the commands say of themselves (npm run reference writes it)', () => {
  const page = readDocument('docs/cli.md')
  expect(page).toBe(withReference(page))
})
