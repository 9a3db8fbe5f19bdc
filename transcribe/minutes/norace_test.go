//go:build !race

package minutes

const raceEnabled = false
