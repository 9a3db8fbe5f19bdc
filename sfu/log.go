package sfu

import (
	"github.com/pion/logging"
	"go.uber.org/zap"
)

// pionLog gives Pion's messages to the log at debug level, whatever their own level: what it warns of
// is mostly a browser that left or a stranger's packet, and an operator can do nothing about either.
type pionLog struct{ log *zap.Logger }

// PionLogs is how everything of Pion's logs in parley, as a factory for those who start more of it.
func PionLogs(log *zap.Logger) logging.LoggerFactory { return pionLog{log.Named("pion")} }

// NewLogger implements logging.LoggerFactory.
func (f pionLog) NewLogger(scope string) logging.LeveledLogger {
	if !f.log.Core().Enabled(zap.DebugLevel) {
		return silent{}
	}
	return pionLogger{f.log.Named(scope).WithOptions(zap.AddCallerSkip(1)).Sugar()}
}

type pionLogger struct{ log *zap.SugaredLogger }

func (l pionLogger) Trace(string)                      {}
func (l pionLogger) Tracef(string, ...any)             {}
func (l pionLogger) Debug(msg string)                  { l.log.Debug(msg) }
func (l pionLogger) Debugf(format string, args ...any) { l.log.Debugf(format, args...) }
func (l pionLogger) Info(msg string)                   { l.log.Debug(msg) }
func (l pionLogger) Infof(format string, args ...any)  { l.log.Debugf(format, args...) }
func (l pionLogger) Warn(msg string)                   { l.log.Debug(msg) }
func (l pionLogger) Warnf(format string, args ...any)  { l.log.Debugf(format, args...) }
func (l pionLogger) Error(msg string)                  { l.log.Debug(msg) }
func (l pionLogger) Errorf(format string, args ...any) { l.log.Debugf(format, args...) }

// silent costs nothing where debug is off: Pion formats its messages in hot places.
type silent struct{}

func (silent) Trace(string)          {}
func (silent) Tracef(string, ...any) {}
func (silent) Debug(string)          {}
func (silent) Debugf(string, ...any) {}
func (silent) Info(string)           {}
func (silent) Infof(string, ...any)  {}
func (silent) Warn(string)           {}
func (silent) Warnf(string, ...any)  {}
func (silent) Error(string)          {}
func (silent) Errorf(string, ...any) {}
