// Package web holds the browser app, as it was built into dist.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files is the root of the web app. It has no index.html in a binary that was built without it.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // dist is there, or this would not have compiled
	}
	return files
}
