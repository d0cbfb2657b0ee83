// mongo-java-server for tests, in memory. usage: MongoJavaServer HOST PORT
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

public final class MongoJavaServer {
    // every version it knows says wire version 8, and the driver of Baton wants 9 or more
    private static final MongoVersion VERSION =
            new MongoVersion() {
                @Override
                public int getWireVersion() {
                    return 13;
                }

                @Override
                public List<Integer> getVersionArray() {
                    return List.of(5, 0, 0, 0);
                }

                // a bench says which server it was measured on
                @Override
                public String toVersionString() {
                    return "5.0.0 (mongo-java-server)";
                }
            };

    public static void main(String[] args) {
        MongoServer server = new MongoServer(new MemoryBackend().version(VERSION));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown));
        try {
            server.bind(args[0], Integer.parseInt(args[1]));
        } catch (Exception error) {
            error.printStackTrace();
            System.exit(1); // by itself the process would go on, deaf: threads of the server are running
        }
    }
}
