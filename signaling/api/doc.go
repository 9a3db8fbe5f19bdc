// Package api is the HTTP interface under /api/v1: sessions, meetings and their records, as JSON.
//
// api.go has the routes and what surrounds every handler: request ids, origins, problem documents,
// limits of bodies. session.go tells browsers who they are, meetings.go creates and shows meetings,
// records.go reads what was kept, segments.go streams media. views.go turns the nouns of the root
// package into JSON and is the only place that does. openapi.yaml describes it all; a test holds it to
// the routes.
//
// Handlers decide nothing about roles: they ask auth. What a caller may not know of is not found, the
// same as what does not exist. The only state is the shelf of sealed recordings (segments.go: shelf, under
// its own lock); no goroutine starts here, and nothing is written but new meetings.
//
// Sources: RFC 9110 (semantics, ranges, conditional requests), RFC 9457 (problems), RFC 8246
// (immutable).
package api
