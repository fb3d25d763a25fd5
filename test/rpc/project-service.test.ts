import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import type { Project } from '../../gen/deed/v1/project.ts'
import { ProjectServiceService as projects, type UpdateProjectRequest } from '../../gen/deed/v1/project_service.ts'
import { refusal } from '../support/call.ts'
import { echo } from '../support/echo.ts'
import { scripted } from '../support/scripted.ts'
import { startDeed, type TestDeed } from '../support/server.ts'

describe('ProjectService', () => {
  let deed: TestDeed
  const name = 'projects/default'

  before(async () => {
    deed = await startDeed(scripted(echo).providers)
  })

  after(() => deed[Symbol.asyncDispose]())

  const get = (of = name, key = deed.project.adminKey) => deed.call(projects.getProject, { name: of }, { key })
  const update = (project: Partial<Project>, updateMask?: string[]) => {
    const all = { name, weight: 0, maxRunning: undefined, createTime: undefined, ...project }
    const request: UpdateProjectRequest = { project: all, updateMask }
    return deed.call(projects.updateProject, request)
  }

  async function lane(): Promise<unknown[]> {
    const text = 'select weight, max_running from lane where project_id = $1'
    const { rows } = await deed.db.pool.query<{ weight: number; max_running: number | null }>(text, [deed.project.id])
    return [rows[0]?.weight, rows[0]?.max_running]
  }

  it('shows a principal its own project, and no other', async () => {
    const other = await deed.addProject()
    const [{ response: own }, { response: listed }] = [
      await get(),
      await deed.call(projects.listProjects, { pageSize: 0, pageToken: '' }),
    ]
    assert.deepEqual(listed, { projects: [own.project], nextPageToken: '' })
    assert.equal(own.project?.name, name)
    assert.equal(own.project.weight, 1)
    assert.ok(own.project.createTime)
    for (const refused of [
      await refusal(get(name, other.adminKey)),
      await refusal(get(`projects/project ${other.id}`)),
      await refusal(update({ name: `projects/project ${other.id}`, weight: 2 })),
    ]) {
      assert.deepEqual([refused.code, refused.reason], [status.NOT_FOUND, 'PROJECT_NOT_FOUND'])
    }
    const paged = await refusal(deed.call(projects.listProjects, { pageSize: 0, pageToken: 'eA' }))
    assert.equal(paged.reason, 'REQUEST_INVALID')
  })

  it('sets what the mask names, or without one what is set', async () => {
    const steps: [Partial<Project>, string[] | undefined, unknown[]][] = [
      [{ weight: 2.5, maxRunning: 7 }, undefined, [2.5, 7]],
      [{ maxRunning: 8 }, [], [2.5, 8]],
      [{ weight: 3, maxRunning: 9 }, ['weight'], [3, 8]],
      [{ maxRunning: 9 }, ['max_running'], [3, 9]],
      [{ weight: 4 }, ['max_running'], [3, null]],
      [{ weight: 4, maxRunning: 5 }, ['weight', 'max_running'], [4, 5]],
      [{ weight: 1 }, ['*'], [1, null]],
    ]
    for (const [project, mask, expected] of steps) {
      const { response } = await update(project, mask)
      assert.deepEqual([response.project?.weight, response.project?.maxRunning ?? null], expected)
      assert.deepEqual(await lane(), expected)
    }
  })

  it('refuses what cannot be set', async () => {
    const before = await lane()
    const wrong: [Partial<Project>, string[] | undefined, RegExp][] = [
      [{}, undefined, /^update_mask: is empty/],
      [{ weight: 1 }, ['name'], /^update_mask: has "name"/],
      [{ weight: 1 }, ['weight', 'create_time'], /^update_mask: has "create_time"/],
      [{}, ['weight'], /^project.weight: /],
      [{}, ['*'], /^project.weight: /],
      [{ weight: -1 }, ['weight'], /^project.weight: /],
      [{ weight: 1001 }, undefined, /^project.weight: /],
      [{ maxRunning: 0 }, undefined, /^project.max_running: /],
    ]
    for (const [project, mask, fault] of wrong) {
      const refused = await refusal(update(project, mask))
      assert.equal(refused.reason, 'REQUEST_INVALID')
      assert.match(refused.violations.join(), fault, JSON.stringify([project, mask]))
    }
    assert.deepEqual(await lane(), before)
  })
})
