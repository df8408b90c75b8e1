package template

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/internal/cloudformation"
)

// Env is the environment of a function. It may hold secrets, so it prints only its names; range over it, or assign it
// to a map[string]string, to use the values.
type Env map[string]string

func (e Env) names() string {
	var names []string
	for k := range e {
		names = append(names, k+"="+redacted)
	}
	slices.Sort(names)
	return "[" + strings.Join(names, " ") + "]"
}

func (e Env) String() string { return e.names() }

// GoString implements fmt.GoStringer.
func (e Env) GoString() string { return e.names() }

// Format implements fmt.Formatter.
func (e Env) Format(f fmt.State, _ rune) { fmt.Fprint(f, e.names()) }

// LogValue implements slog.LogValuer.
func (e Env) LogValue() slog.Value { return slog.StringValue(e.names()) }

// MarshalText implements encoding.TextMarshaler, for JSON and its like.
func (e Env) MarshalText() ([]byte, error) { return []byte(e.names()), nil }

// Function is a Lambda function.
type Function struct {
	LogicalID     string
	ConstructPath string
	Name, ARN     string
	AssetDir      string // absolute; holds an executable file named bootstrap
	Handler       string
	Runtime       string // provided.al2023 or provided.al2, or nodejs… with [Options.HostRuntimes]
	Architecture  string // x86_64 or arm64
	MemoryMB      int
	Timeout       time.Duration
	Environment   Env // as the template sets it, dynamic references resolved
}

var customRuntimes = []string{"provided.al2023", "provided.al2"}

// loadFunctions reads the functions, and refuses those that an API invokes but this machine cannot run.
func (l *loader) loadFunctions(api *API, sockets []*WebSocketAPI) []Function {
	invoked := map[string]bool{}
	if api != nil {
		invoked = api.invoked()
	}
	for _, socket := range sockets {
		socket.invoked(invoked)
	}
	var out []Function
	for _, id := range l.ofType("AWS::Lambda::Function") {
		r := l.Resources[id]
		runtime, err := l.text(r.Properties["Runtime"], 0)
		node := invoked[id] && l.opts.HostRuntimes && strings.HasPrefix(runtime, "nodejs")
		if err != nil || !slices.Contains(customRuntimes, runtime) && !node {
			switch {
			case !invoked[id]:
				l.ignore(r, "not invoked by an API, and its runtime is not a custom one")
			case r.Properties["PackageType"] == "Image":
				l.fail("%s: property PackageType: container images are not implemented", r)
			default:
				runtimes := strings.Join(customRuntimes, ", ")
				if l.opts.HostRuntimes {
					runtimes += " and Node.js"
				}
				l.fail("%s: property Runtime: %q is not implemented, only %s", r, runtime, runtimes)
			}
			continue
		}
		out = append(out, l.loadFunction(r))
	}
	return out
}

func (l *loader) loadFunction(r *resource) Function {
	p := l.read(r, "Environment")
	for _, name := range []string{"Layers", "FileSystemConfigs", "ImageConfig"} {
		if !isEmpty(r.Properties[name]) {
			p.fail("property %s is not implemented by the local gateway", name)
		}
	}
	f := Function{LogicalID: r.ID, ConstructPath: r.ConstructPath(), Handler: p.str("Handler"), Runtime: p.str("Runtime"),
		Architecture: "x86_64", MemoryMB: p.integer("MemorySize", 128),
		Timeout: time.Duration(p.integer("Timeout", 3)) * time.Second, Environment: Env{}}
	if name, err := l.ref(r.ID, 0); err == nil {
		f.Name, _ = name.(string)
	}
	if arn, err := l.getAtt(r.ID, "Arn", 0); err == nil {
		f.ARN, _ = arn.(string)
	}
	if a := p.strings("Architectures"); len(a) == 1 {
		f.Architecture = a[0]
	}
	if f.Architecture != "x86_64" && f.Architecture != "arm64" {
		p.fail("property Architectures: %q is not x86_64 or arm64", f.Architecture)
	}
	if env, ok := p.m["Environment"].(map[string]any); ok {
		vars := props{l, p.where, env}.stringMap("Variables")
		for k, v := range vars {
			value, err := l.dynamic(v)
			if err != nil {
				p.fail("environment variable %s: %w", k, err)
			}
			f.Environment[k] = value
		}
	}
	code, _ := p.m["Code"].(map[string]any)
	if code["ZipFile"] != nil {
		p.fail("property Code: ZipFile (inline code) is not implemented, only assets are")
		return f
	}
	dir, err := l.assetDir(props{l, p.where, code}.str("S3Key"), strings.HasPrefix(f.Runtime, "nodejs"))
	if err != nil {
		p.fail("property Code: %w", err)
	}
	f.AssetDir = dir
	return f
}

// asset is one file asset of the manifest.
type asset struct{ path, packaging string }

func readAssets(path string) (map[string]asset, error) {
	var manifest struct {
		Files map[string]struct {
			Source struct {
				Path      string `json:"path"`
				Packaging string `json:"packaging"`
			} `json:"source"`
			Destinations map[string]struct {
				ObjectKey string `json:"objectKey"`
			} `json:"destinations"`
		} `json:"files"`
	}
	if err := cloudformation.ReadJSON(path, &manifest); err != nil {
		return nil, notFound(err)
	}
	out := map[string]asset{}
	for _, f := range manifest.Files {
		for _, d := range f.Destinations {
			out[d.ObjectKey] = asset{f.Source.Path, f.Source.Packaging}
		}
	}
	return out, nil
}

// assetDir finds the folder behind an S3 key: an asset with packaging "zip" is a folder of the assembly that the
// deployment would zip. For a custom runtime it must contain an executable bootstrap.
func (l *loader) assetDir(key string, node bool) (string, error) {
	a, ok := l.assets[key]
	if !ok {
		return "", fmt.Errorf("no asset in %s.assets.json has the key %q", l.stack, key)
	}
	if a.packaging != "zip" {
		return "", fmt.Errorf("asset %s has packaging %q, expected a folder with packaging \"zip\"", a.path, a.packaging)
	}
	if !filepath.IsLocal(a.path) {
		return "", fmt.Errorf("asset path %q leads out of the assembly", a.path)
	}
	dir, err := filepath.Abs(filepath.Join(l.dir, a.path))
	if err != nil {
		return "", err
	}
	if node {
		return dir, nil
	}
	info, err := os.Stat(filepath.Join(dir, "bootstrap"))
	switch {
	case err != nil:
		return "", fmt.Errorf("asset has no bootstrap: %w", err)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return "", fmt.Errorf("bootstrap of asset %s is not an executable file (mode %s)", a.path, info.Mode())
	}
	return dir, nil
}
