//go:build race

package minutes

const raceEnabled = true
