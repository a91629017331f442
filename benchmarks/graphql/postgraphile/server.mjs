// PostGraphile on the tables of read models, as one process. It prints its address once it listens.
//
// BENCHMARK in the environment is JSON: the database's address, the tables by the name of their read model, how many
// connections, and as which role it reads. Without a role it is whoever the address says.
import { createServer } from "node:http";

import { PgAggregatesPreset } from "@graphile/pg-aggregates";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import utils from "postgraphile/utils";

const { url, schema, tables, connections, role } = JSON.parse(process.env.BENCHMARK);
const full = (readModel) => `${schema}.${tables[readModel]}`;

// Names without the version of a read model, and the relations that the tables do not declare.
const tags = utils.jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      [full("bus_transactions")]: { tags: { name: "bus_transactions" } },
      [full("organisations")]: { tags: { name: "organisations" } },
      [full("messages")]: {
        tags: {
          name: "messages",
          foreignKey: `(sender_id) references ${full("organisations")} (organisation_id)|@fieldName sender`,
        },
      },
      [full("message_timeline")]: {
        tags: {
          name: "message_steps",
          foreignKey: `(message_id) references ${full("messages")} (message_id)|@foreignFieldName timeline`,
        },
      },
    },
  },
});

// A condition of more than equality on transactions: `where` gets the SQL of the row and of the value given.
const condition = (name, where) =>
  utils.addPgTableCondition(
    { schemaName: schema, tableName: tables.bus_transactions },
    name,
    ({ graphql: { GraphQLString } }) => ({ type: GraphQLString }),
    (value, { sql, sqlTableAlias, sqlValueWithCodec, build }) =>
      where(sql, sqlTableAlias, (type) => sqlValueWithCodec(value, build.dataplanPg.TYPES[type])),
  );

// For whom the rows are, as the platform itself says it to PostgreSQL: see projections/row_security.py.
const seen = (headers) => ({
  role,
  "kroniek.role": headers["x-role"] ?? "",
  "kroniek.organisation": headers["x-organisation"] ?? "",
  "kroniek.identifiers": "{}",
  "kroniek.person": "",
  "kroniek.chosen_by": "",
});

const preset = {
  extends: [PostGraphileAmberPreset, PgAggregatesPreset],
  // Columns without an index can be grouped by too.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  plugins: [
    tags,
    condition("party", (sql, row, given) => {
      return sql`(${row}.source_id = ${given("text")} or ${row}.target_id = ${given("text")})`;
    }),
    condition("acceptedSince", (sql, row, given) => sql`${row}.accepted_at >= ${given("timestamptz")}`),
    condition("acceptedUntil", (sql, row, given) => sql`${row}.accepted_at < ${given("timestamptz")}`),
  ],
  pgServices: [makePgService({ connectionString: url, schemas: [schema], max: connections, pubsub: false })],
  grafserv: { graphqlPath: "/graphql", watch: false, websockets: false, graphiql: false },
  grafast: {
    explain: false,
    context: ({ node }) => (role ? { pgSettings: seen(node?.req?.headers ?? {}) } : {}),
  },
};

const server = createServer();
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
