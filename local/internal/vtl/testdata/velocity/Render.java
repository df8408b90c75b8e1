import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.velocity.VelocityContext;
import org.apache.velocity.app.VelocityEngine;

/**
 * Renders templates with Apache Velocity 1.7. Each line of standard input is a
 * template in Base64. Each line of standard output is "ok" and the rendering
 * in Base64, or "error".
 */
public class Render {
    public static class Input {
        private final Map<String, Map<String, Object>> all = new LinkedHashMap<>();

        Input() {
            all.put("path", map("id", "from-path", "p", "path"));
            all.put("querystring", map("id", "from-query", "k1", "v1", "one", "1"));
            all.put("header", map("id", "from-header", "h", "head", "empty", "", "Origin", "https://a.example"));
        }

        public Map<String, Map<String, Object>> params() {
            return all;
        }

        public Object params(String name) {
            for (Map<String, Object> m : all.values()) {
                if (m.containsKey(name)) {
                    return m.get(name);
                }
            }
            return null;
        }

        public String getBody() {
            return "{\"a\":1}";
        }
    }

    static Map<String, Object> map(Object... pairs) {
        Map<String, Object> m = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            m.put((String) pairs[i], pairs[i + 1]);
        }
        return m;
    }

    public static void main(String[] args) throws Exception {
        VelocityEngine engine = new VelocityEngine();
        engine.setProperty("runtime.log.logsystem.class", "org.apache.velocity.runtime.log.NullLogChute");
        engine.init();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream out = new PrintStream(new BufferedOutputStream(System.out), false, "US-ASCII");
        for (String line; (line = in.readLine()) != null;) {
            String template = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8);
            VelocityContext context = new VelocityContext();
            context.put("input", new Input());
            context.put("context", map("stage", "api", "identity", map("sourceIp", "127.0.0.1"), "yes", true, "no", false,
                "n", 5L, "d", 1.5, "list", new ArrayList<>(Arrays.asList("a", 2L, true)), "none", new ArrayList<>(), "empty", ""));
            context.put("stageVariables", map("colour", "blue"));
            StringWriter w = new StringWriter();
            try {
                engine.evaluate(context, w, "t", template);
                out.println("ok " + Base64.getEncoder().encodeToString(w.toString().getBytes(StandardCharsets.UTF_8)));
            } catch (Exception | Error e) {
                out.println("error");
            }
        }
        out.flush();
    }
}
