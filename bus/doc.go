// Package bus carries work and news: parley.Jobs and parley.Events over NATS, with JetStream in the
// process.
//
// A job goes bus.go: Submit -> stream JOBS, subject jobs.KIND.REGION -> Claim -> lease.go: Done or
// Fail. Workers of a region subscribe to its subjects only. An event goes events.go: Publish ->
// subject events.MEETING -> each Subscribe's bounded queue.
//
// The bus is never the only place where something exists: jobs and events name rows. Its directory
// may be emptied at any time; what is due is submitted again from the catalogs.
//
// The NATS server and client own their goroutines and end them in Close.
package bus
