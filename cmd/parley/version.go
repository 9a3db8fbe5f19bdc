package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version of this source tree; a tagged build and CHANGELOG.md agree with it.
const release = "0.1.0"

// version is the release, with the commit it was built from where that is known.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			return release + "+" + setting.Value[:12]
		}
	}
	return release
}

// versionCmd prints the version.
type versionCmd struct{}

// Run implements the command.
func (*versionCmd) Run(a *app) error {
	_, err := fmt.Fprintf(a.stdout, "parley %s (%s, %s/%s)\n",
		version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
