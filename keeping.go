package parley

import "fmt"

// Region names a place where bytes rest: lower-case letters, digits and dashes, "hk", "eu-central".
type Region string

// Keep is everything one region holds: an object store and a catalog, by their narrow interfaces.
// All fields are set; a Keep is constant after start-up and safe for concurrent use.
type Keep struct {
	Region       Region
	Objects      Objects
	Meetings     Meetings
	Participants Participants
	Chats        Chats
	Recordings   Recordings
	Transcripts  Transcripts
	Actions      Actions
}

// Regions finds the keep of a region. There is no default region and no fallback: bytes of a
// meeting go to its own region or nowhere.
type Regions map[Region]*Keep

// In returns the keep of r, never nil without an error; an unknown region is NotFound.
func (rs Regions) In(r Region) (*Keep, error) {
	if keep, ok := rs[r]; ok {
		return keep, nil
	}
	return nil, fmt.Errorf("region %q is not configured: %w", r, NotFound)
}
