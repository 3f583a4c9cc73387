package samovar.runtime;

import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The managed Java runtime: a small client of the Runtime API (AWS's isn't in reach of every machine).
 *
 * Owns: the order of initialisation, the loop, exit statuses. What users can see (handlers, context, errors, log lines) is
 * AWS's: facts/lambda-runtime.md §3 and §8, and what AWS's client does (aws-lambda-java-runtime-interface-client 2.x).
 * Runs on Java 8 and later; a function sees none of these classes.
 */
public final class Main {
    private static final String TRACE_PROPERTY = "com.amazonaws.xray.traceHeader";

    /** What the platform is told of a failure: one of the function's loading, or one that it threw. */
    private static final String BAD_CODE = "Runtime.BadFunctionCode", THROWN = "Runtime.UserException";
    private static final int HOOK_FAILED = 64;

    private Main() {}

    /** Arguments: the task's folder, the layers' folder, and the folder of AWS's interfaces. */
    public static void main(String[] args) throws Exception {
        System.setOut(unbuffered(FileDescriptor.out));
        System.setErr(unbuffered(FileDescriptor.err));
        Api api = new Api(System.getenv("AWS_LAMBDA_RUNTIME_API"));
        Log log = new Log(System.getenv("AWS_LAMBDA_LOG_FORMAT"), System.getenv("AWS_LAMBDA_LOG_LEVEL"));
        ClassLoader loader = new URLClassLoader(search(args[0], args[1], args[2]), ClassLoader.getSystemClassLoader().getParent());
        Thread.currentThread().setContextClassLoader(loader);
        Snapshot.announce();
        Views views = new Views(loader, log);
        Handlers.Handler handler;
        try {
            views.shareLogger();
            handler = Handlers.find(System.getenv("_HANDLER"), loader, views);
        } catch (Fault fault) {
            log.failure(fault.described());
            api.post("/init/error", fault.payload(), BAD_CODE);
            System.exit(1);
            return;
        }
        if (Snapshot.wanted()) {
            hooks(api, loader, log, "beforeCheckpoint", "/init/error", "Runtime.BeforeCheckpointError");
            api.restored();
            hooks(api, loader, log, "afterRestore", "/restore/error", "Runtime.AfterRestoreError");
        }
        run(api, handler, log);
    }

    private static void hooks(Api api, ClassLoader loader, Log log, String name, String path, String type) throws Exception {
        try {
            Snapshot.tell(loader, name);
        } catch (Exception thrown) { // an Error ends the VM, as on AWS
            Fault fault = Fault.of(thrown);
            log.failure(fault.described());
            api.post(path, fault.traced(), type);
            System.exit(HOOK_FAILED);
        }
    }

    private static void run(Api api, Handlers.Handler handler, Log log) throws Exception {
        boolean goesOn = true;
        while (goesOn) {
            Api.Invocation invocation = api.next();
            log.requestId = invocation.id;
            if (invocation.trace != null) System.setProperty(TRACE_PROPERTY, invocation.trace);
            else System.clearProperty(TRACE_PROPERTY);
            try {
                byte[] answer = handler.call(invocation);
                System.out.flush();
                api.post("/invocation/" + invocation.id + "/response", answer, null);
            } catch (Throwable thrown) {
                goesOn = !(thrown instanceof VirtualMachineError || thrown instanceof java.io.IOError);
                boolean notLoaded = thrown instanceof Fault;
                Fault fault = notLoaded ? (Fault) thrown : Fault.of(thrown);
                log.failure(fault.described());
                byte[] told = notLoaded ? fault.payload() : fault.traced();
                api.post("/invocation/" + invocation.id + "/error", told, notLoaded ? BAD_CODE : THROWN);
            }
            Thread.interrupted(); // what the function has left behind
        }
        System.exit(1);
    }

    /** facts/lambda-runtime.md §2.2: classes and jars of the function first, then those of the layers. */
    private static URL[] search(String task, String opt, String core) throws IOException {
        List<URL> places = new ArrayList<>();
        places.add(new File(task + "/").toURI().toURL());
        addJars(places, new File(task, "lib"));
        addJars(places, new File(opt, "java/lib"));
        places.add(new File(core + "/").toURI().toURL()); // last: a function's own copy wins
        return places.toArray(new URL[0]);
    }

    private static void addJars(List<URL> places, File folder) throws IOException {
        File[] jars = folder.listFiles((parent, name) -> name.endsWith(".jar"));
        if (jars == null) return;
        Arrays.sort(jars);
        for (File jar : jars) places.add(jar.toURI().toURL());
    }

    private static PrintStream unbuffered(FileDescriptor descriptor) throws IOException {
        return new PrintStream(new FileOutputStream(descriptor), false, "UTF-8");
    }
}
