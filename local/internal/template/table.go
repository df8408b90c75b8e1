package template

import "slices"

// Table is a DynamoDB table of sessions.
type Table struct {
	Name string
	// Request is the request of CreateTable that makes the table. Its members
	// have the names and shapes of the template's properties.
	Request map[string]any
}

// sessionsTable is the variable that names a table to an agent.
const sessionsTable = "SESSIONS_TABLE"

// loadTables reads the tables that agents record sessions in, sorted by logical
// id. Other tables are ignored.
func (l *loader) loadTables(functions []Function) []Table {
	var tables []Table
	for _, id := range l.ofType("AWS::DynamoDB::Table") {
		name, err := l.text(map[string]any{"Ref": id}, 0)
		if err != nil || !slices.ContainsFunc(functions, func(f Function) bool { return f.Environment[sessionsTable] == name }) {
			l.ignore(l.Resources[id], NotImplemented)
			continue
		}
		p := l.read(l.Resources[id])
		table := Table{Name: name, Request: map[string]any{"TableName": name}}
		for _, member := range []string{"AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode"} {
			if p.has(member) {
				table.Request[member] = p.m[member]
			}
		}
		tables = append(tables, table)
	}
	return tables
}
