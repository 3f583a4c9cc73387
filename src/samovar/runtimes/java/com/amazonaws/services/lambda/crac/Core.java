package com.amazonaws.services.lambda.crac;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The hooks of a function with SnapStart. The runtime calls them when the function has initialised. */
public final class Core {
    private static final Context<Resource> GLOBAL = new Ordered();

    private Core() {}

    public static Context<Resource> getGlobalContext() {
        return GLOBAL;
    }

    /** A function can't ask for a snapshot: Lambda takes it. */
    public static void checkpointRestore() throws CheckpointException, RestoreException {
        throw new CheckpointException("Lambda takes the snapshot itself");
    }

    /**
     * Told before a snapshot in reverse, after a restore in the order of registration; all are told, whoever fails. As on
     * AWS a resource that nobody else holds is forgotten, at the latest when memory is cleared before the snapshot.
     */
    private static final class Ordered extends Context<Resource> {
        private final List<WeakReference<Resource>> resources = new ArrayList<>();

        @Override
        public synchronized void register(Resource resource) {
            resources.removeIf(each -> each.get() == resource); // once, at its last place
            resources.add(new WeakReference<>(resource));
        }

        private synchronized List<Resource> held() {
            List<Resource> held = new ArrayList<>();
            for (WeakReference<Resource> reference : resources) {
                Resource resource = reference.get();
                if (resource != null) held.add(resource);
            }
            return held;
        }

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException {
            tellBefore();
            System.gc();
        }

        private void tellBefore() throws CheckpointException {
            CheckpointException failed = new CheckpointException();
            List<Resource> all = held();
            Collections.reverse(all);
            for (Resource resource : all) {
                try {
                    resource.beforeCheckpoint(this);
                } catch (CheckpointException several) { // of a context: what its own resources threw
                    for (Throwable error : several.getSuppressed()) failed.addSuppressed(error);
                } catch (Exception error) {
                    failed.addSuppressed(error);
                }
            }
            if (failed.getSuppressed().length > 0) throw failed;
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) throws RestoreException {
            RestoreException failed = new RestoreException();
            for (Resource resource : held()) {
                try {
                    resource.afterRestore(this);
                } catch (RestoreException several) {
                    for (Throwable error : several.getSuppressed()) failed.addSuppressed(error);
                } catch (Exception error) {
                    failed.addSuppressed(error);
                }
            }
            if (failed.getSuppressed().length > 0) throw failed;
        }
    }
}
