package com.amazonaws.services.lambda.crac;

import java.util.ArrayList;
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

    /** Told before a snapshot in reverse, after a restore in the order of registration; all are told, whoever fails. */
    private static final class Ordered extends Context<Resource> {
        private final List<Resource> resources = new ArrayList<>();

        @Override
        public synchronized void register(Resource resource) {
            resources.add(resource);
        }

        private synchronized List<Resource> registered() {
            return new ArrayList<>(resources);
        }

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException {
            List<Resource> all = registered();
            CheckpointException failed = new CheckpointException("beforeCheckpoint failed");
            for (int at = all.size() - 1; at >= 0; at--) {
                try {
                    all.get(at).beforeCheckpoint(this);
                } catch (Exception error) {
                    failed.addSuppressed(error);
                }
            }
            if (failed.getSuppressed().length > 0) throw failed;
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) throws RestoreException {
            RestoreException failed = new RestoreException("afterRestore failed");
            for (Resource resource : registered()) {
                try {
                    resource.afterRestore(this);
                } catch (Exception error) {
                    failed.addSuppressed(error);
                }
            }
            if (failed.getSuppressed().length > 0) throw failed;
        }
    }
}
