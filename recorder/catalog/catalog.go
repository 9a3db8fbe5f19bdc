package catalog

import (
	"context"

	"github.com/parley/parley"
)

// Catalog is the database of one region. It is safe for concurrent use, by several processes too.
type Catalog struct {
	database
}

var (
	_ parley.Meetings     = (*Catalog)(nil)
	_ parley.Participants = (*Catalog)(nil)
	_ parley.Chats        = (*Catalog)(nil)
	_ parley.Recordings   = (*Catalog)(nil)
	_ parley.Transcripts  = (*Catalog)(nil)
	_ parley.Actions      = (*Catalog)(nil)
)

// Open opens or makes the catalog of a region at path. The caller closes it.
func Open(ctx context.Context, path string) (*Catalog, error) {
	db, err := openDatabase(ctx, path, "region")
	if err != nil {
		return nil, err
	}
	return &Catalog{db}, nil
}
