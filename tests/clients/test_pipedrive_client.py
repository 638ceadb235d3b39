"""Pipedrive's official Node client drives the fake: what it accepts as Pipedrive is what our sync is tested against."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from integrations.sandbox import server
from integrations.sandbox.pipedrive import FakePipedrive, deals, founded

pytestmark = pytest.mark.clients

TOKEN = "0123456789abcdef0123456789abcdef01234567"
SCRIPT = """
import assert from 'node:assert/strict';
import * as v1 from 'pipedrive/v1';
import * as v2 from 'pipedrive/v2';
const [host, token] = process.argv.slice(2);
const first = new v1.Configuration({ apiKey: token, basePath: `${host}/v1` });
const second = new v2.Configuration({ apiKey: token, basePath: `${host}/api/v2` });

const me = await new v1.UsersApi(first).getCurrentUser();
assert.equal(me.data.company_name, 'Acme Sales');

const fields = new v2.PersonFieldsApi(second);
const made = await fields.addPersonField({ AddPersonFieldRequest: { field_name: 'Stratum - Campaign', field_type: 'varchar' } });
const code = made.data.field_code;
assert.match(code, /^[0-9a-f]{40}$/);
const names = (await fields.getPersonFields({ limit: 500 })).data.map((field) => field.field_name);
assert.ok(names.includes('Stratum - Campaign'));

const persons = new v2.PersonsApi(second);
const emails = [{ value: 'ada@x.io', primary: true, label: 'work' }];
const ada = (await persons.addPerson({ AddPersonRequest: { name: 'Ada Lovelace', emails, custom_fields: { [code]: 'Spring' } } })).data;
assert.equal(ada.emails[0].value, 'ada@x.io');
const changed = await persons.updatePerson({ id: ada.id, UpdatePersonRequest: { name: 'Ada King' } });
assert.equal(changed.data.name, 'Ada King');
assert.equal(changed.data.custom_fields[code], 'Spring');
assert.equal((await persons.getPerson({ id: ada.id })).data.last_name, 'King');
const grace = (await persons.addPerson({ AddPersonRequest: { name: 'Grace Hopper' } })).data;
const listed = await persons.getPersons({ limit: 1, sort_by: 'id' });
assert.deepEqual(listed.data.map((person) => person.id), [ada.id]);
const rest = await persons.getPersons({ limit: 1, sort_by: 'id', cursor: listed.additional_data.next_cursor });
assert.deepEqual(rest.data.map((person) => person.id), [grace.id]);
const found = await persons.searchPersons({ term: 'ada@x.io', fields: 'email', exact_match: true });
assert.equal(found.data.items[0].item.id, ada.id);

const activities = new v2.ActivitiesApi(second);
const participants = [{ person_id: ada.id, primary: true }];
await activities.addActivity({ AddActivityRequest: { subject: 'Purchase', type: 'task', done: true, participants } });
assert.equal((await activities.getActivities({ person_id: ada.id })).data[0].subject, 'Purchase');
assert.ok((await new v1.ActivityTypesApi(first).getActivityTypes()).data.length > 0);
assert.deepEqual((await new v2.DealsApi(second).getDeals({ status: 'won' })).data.map((deal) => deal.title), ['Big']);
assert.deepEqual((await new v2.DealsApi(second).getArchivedDeals({})).data, []);

const webhooks = new v1.WebhooksApi(first);
const hook = await webhooks.addWebhook({ AddWebhookRequest: { subscription_url: 'https://stratum.example.com/hook', event_action: '*', event_object: 'person', name: 'Stratum persons', version: '2.0' } });
assert.equal((await webhooks.getWebhooks()).data.length, 1);
await webhooks.deleteWebhook({ id: hook.data.id });
const numbered = (await new v1.PersonFieldsApi(first).getPersonFields()).data.find((field) => field.key === code);
const filters = new v1.FiltersApi(first);
const conditions = { glue: 'and', conditions: [{ glue: 'and', conditions: [{ object: 'person', field_id: String(numbered.id), operator: 'contains', value: 'Spring', extra_value: null }] }, { glue: 'or', conditions: [] }] };
const filter = await filters.addFilter({ AddFilterRequest: { name: 'Stratum: VIP', type: 'people', conditions } });
assert.ok((await filters.getFilters({ type: 'people' })).data.some((one) => one.id === filter.data.id));
await filters.deleteFilter({ id: filter.data.id });

await new v1.PersonsApi(first).mergePersons({ id: grace.id, MergePersonsRequest: { merge_with_id: ada.id } });
await persons.deletePerson({ id: ada.id });
assert.deepEqual((await persons.getPersons({})).data, []);
const wrong = new v2.PersonsApi(new v2.Configuration({ apiKey: 'wrong', basePath: `${host}/api/v2` }));
await assert.rejects(wrong.getPersons({}), { errorCode: 401 });
"""


def test_it_works(run_node: Callable[..., None]) -> None:
    company = founded(TOKEN, currency="EUR", id=42, name="Acme Sales", domain="acme")
    fake = FakePipedrive(company, now=lambda: datetime.now(UTC))
    deals.add(fake.world, title="Big", value=10, status="won")
    with server.serving(fake.answer) as url:
        run_node(SCRIPT, url, TOKEN)
    assert len(set(fake.calls)) >= 20, sorted(set(fake.calls))
