// Package catalog is the database: one catalog per region for everything said or agreed there
// (catalog.go and a file per chapter), and the home catalog that knows which meeting is in which
// region (home.go). Every query of the program is in this package.
//
// Rules: text, bigint and boolean columns only; identifiers are made by the caller; wall-clock times
// are milliseconds of Unix time, times on the meeting clock are milliseconds; lists are JSON text.
// The SQL is the common part of SQLite and Postgres. Writes are durable when they return
// (synchronous=full); read-modify-write runs in one immediate transaction.
//
// Nothing here starts a goroutine of its own.
package catalog
